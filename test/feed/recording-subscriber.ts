import { expect } from "vitest";
import type { Broadcast } from "../../src/feed/fanout/broadcast.ts";
import type { EncodedMessage } from "../../src/feed/fanout/encoded-message.ts";
import type { Sink, Subscriber } from "../../src/feed/fanout/subscriber.ts";
import type { AcceptedUpdate } from "../../src/feed/state/accepted-update.ts";
import { encodeRecord, findUpdates } from "../../src/feed/state/record-lines.ts";
import { seqAfter, type Log, type LogPiece, type LogRecord, type SelectedRecord } from "../../src/feed/state/record.ts";
import { parseSelection, type Selection, type Subscription } from "../../src/protocol/selection.ts";
import type { Update } from "../../src/protocol/update.ts";
import { cutUpdateTo, isWanted, View, type Message } from "../support/view.ts";

/** A log that has everything from some seq on. */
export class MemoryLog implements Log {
  readonly records: LogRecord[] = [];
  start = 0;
  /** Keys that are there, and the patches that made them, as far as the records were looked at. */
  readonly #keys = new Set<string>();
  readonly #makers = new Set<AcceptedUpdate>();
  #looked = 0;
  #last: LogRecord | undefined;

  /** The updates after the seq `from`, up to `seq`. */
  between(from: number, seq: number): AcceptedUpdate[] {
    const first = this.records.findLastIndex((record) => seqAfter(record) <= from) + 1;
    const updates = this.records.slice(first).flatMap((record) => record.updates);
    return updates.filter((update) => update.seq > from && update.seq <= seq);
  }

  /** Whether an update is a patch that makes its entry, by what was logged before it. */
  makes(update: AcceptedUpdate): boolean {
    // The feed was reset.
    if (this.records[this.#looked - 1] !== this.#last) {
      this.#keys.clear();
      this.#looked = 0;
    }
    for (; this.#looked < this.records.length; this.#looked++) {
      this.#last = this.records[this.#looked];
      for (const logged of this.#last!.updates) {
        if (logged.change === "patch" && !this.#keys.has(logged.key)) this.#makers.add(logged);
        if (logged.change === "delete") this.#keys.delete(logged.key);
        else this.#keys.add(logged.key);
      }
    }
    return this.#makers.has(update);
  }

  /** A few records a look, so that readers need several. */
  read(after: number, selection: Selection): LogPiece | undefined {
    if (after < this.start) return undefined;
    const index = this.records.findIndex((record) => seqAfter(record) > after);
    const looked = index === -1 ? [] : this.records.slice(index, index + 20);
    const records: SelectedRecord[] = [];
    for (const record of looked) findUpdates(encodeRecord(record), after, selection, records);
    const last = looked.at(-1);
    return {
      records,
      seq: last ? seqAfter(last) : after,
      isEnd: looked.length === 0 || last === this.records.at(-1),
    };
  }
}

export function subscriptionOf(
  keys: readonly string[],
  mode: Subscription["mode"] = "latest",
  hz?: number,
  fields: readonly string[] = [],
): Subscription {
  const parsed = parseSelection(keys, fields);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { selection: parsed.selection, mode, hz };
}

/** What `expect(actual).toBe(expected)` does, in a hundredth of its time: tens of thousands of messages are checked. */
function same(actual: string | number | boolean | undefined, expected: typeof actual, what: string): void {
  if (actual !== expected) expect(actual, what).toBe(expected);
}

/** Messages that came to any subscriber, each parsed once. */
const parsed = new WeakMap<EncodedMessage, Message>();

function parse(message: EncodedMessage): Message {
  const known: Message = parsed.get(message) ?? JSON.parse(message.text);
  parsed.set(message, known);
  return known;
}

/** A sink that does nothing. */
export const SILENT: Sink = {
  account: "somebody",
  send: () => {},
  clearPosition: () => {},
  backlog: () => 0,
  drop: () => {},
};

/** A sink that records what it is sent, keeps a client's view of it, and checks every message against the log. */
export class RecordingSubscriber implements Sink {
  account = "somebody";
  readonly view: View;
  readonly sent: string[] = [];
  /** The messages as they came: the same object means that it was encoded once. */
  readonly given: EncodedMessage[] = [];
  subscriber: Subscriber | undefined;
  /** The log that messages are checked against. */
  log: MemoryLog | undefined;
  keys: readonly string[];
  fields: readonly string[];
  readonly mode: Subscription["mode"];
  readonly hz: number | undefined;

  constructor(
    keys: readonly string[] = [],
    mode: Subscription["mode"] = "latest",
    hz?: number,
    fields: readonly string[] = [],
  ) {
    this.keys = keys;
    this.mode = mode;
    this.hz = hz;
    this.fields = fields;
    this.view = new View();
  }

  get subscription(): Subscription {
    return subscriptionOf(this.keys, this.mode, this.hz, this.fields);
  }

  /** Its backlog, in bytes. */
  waiting = 0;
  /** Whether what it is sent adds to its backlog. */
  slow = false;
  dropped = false;
  /** The position that is saved for it, from which a rebuilt feed resumes it. */
  savedPosition: { epoch: string; seq: number } | undefined;
  /** The keys of its `subscribe` messages, by their ids. */
  readonly #asked = new Map<number, readonly string[]>();
  #asks = 0;
  /** The feed's seq when it connected. */
  hello = 0;
  /** Whether it got a snapshot of an earlier moment than that. */
  older = false;

  backlog(): number {
    return this.waiting;
  }

  drop(): void {
    this.dropped = true;
    this.lose();
  }

  /** Its connection is closed. */
  lose(): void {
    this.subscriber = undefined;
    this.view.forgetParts();
    // A position belongs to the selection that it was reached with.
    if (this.#asked.size > 0) this.view.position = undefined;
    this.#asked.clear();
  }

  /** Sends a `subscribe` message. */
  ask(broadcast: Broadcast, keys: readonly string[], fields = this.fields): ReturnType<Broadcast["resubscribe"]> {
    this.keys = keys;
    this.fields = fields;
    this.#asked.set(++this.#asks, keys);
    return broadcast.resubscribe(this.subscriber!, this.subscription, this.#asks);
  }

  clearPosition(): void {
    this.savedPosition = undefined;
  }

  send(message: EncodedMessage, seq: number | undefined): void {
    this.given.push(message);
    this.#take(message);
    const { position } = this.view;
    if (seq !== undefined) same(position?.seq, seq, "the saved position is the client's");
    this.savedPosition = seq === undefined ? undefined : position && { ...position };
  }

  #take(encoded: EncodedMessage): void {
    const { type, text, position, isEmpty } = encoded;
    this.sent.push(text);
    if (this.slow) this.waiting += text.length;
    const message = parse(encoded);
    same(type, message.type, "the type");
    same(position?.seq, message.more ? undefined : message.seq, "a client that has it stands there");
    if (message.epoch !== undefined) same(position?.epoch ?? message.epoch, message.epoch, "the epoch");
    same(isEmpty, message.updates?.length === 0, "whether it has updates");
    if (message.type === "snapshot" && message.reason !== "reset" && message.seq! < this.hello) this.older = true;
    const wants = this.#asked.get(message.id ?? 0);
    if (wants) this.view.wants = wants;
    if (wants && !message.more) this.#asked.delete(message.id!);
    if (message.type === "update") this.#checkUpdate(message);
    this.view.apply(message);
  }

  /** Checks an update message against the log: nothing outside of `from`..`seq`, nothing twice, nothing missing. */
  #checkUpdate({ from, seq, updates = [], skipped = 0 }: Message): void {
    const { keys, fields } = this.#selected;
    const selected = (this.log?.between(from!, seq!) ?? []).filter(({ key }) => isWanted(keys, key));
    const concerned: Update[] = [];
    for (const update of selected) {
      const cut = cutUpdateTo(update.update, fields, this.log!.makes(update));
      if (cut) concerned.push(cut);
    }
    if (this.mode === "all") same(JSON.stringify(updates), JSON.stringify(concerned), "the updates");
    const told = updates.map(({ key }) => key).toSorted();
    const concernedKeys = new Set(concerned.map(({ key }) => key));
    if (this.mode === "latest") {
      // On return, the state of a key may be sent of which only other fields were touched.
      const more = new Set(updates.filter((update) => "set" in update && fields.length > 0).map(({ key }) => key));
      const others = selected.map(({ key }) => key).filter((key) => more.has(key));
      same(told.join(), [...new Set([...concernedKeys, ...others])].toSorted().join(), "the keys");
    }
    if (keys.length > 0) return;
    if (fields.length === 0) same(updates.length + skipped, concerned.length, "how many updates there were");
    else if (skipped > 0) same(updates.length + skipped, concerned.length, "how many updates concerned it");
  }

  /** What the server selects for it now. */
  get #selected(): { keys: readonly string[]; fields: readonly string[] } {
    const { patterns, fields } = (this.subscriber?.subscription ?? this.subscription).selection;
    const keys = patterns === "*" || patterns === "" ? [] : patterns.split(",");
    return { keys, fields: fields?.id.split(",") ?? [] };
  }
}
