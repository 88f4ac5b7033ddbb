import { Broadcast } from "../../src/feed/fanout/broadcast.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import { seqAfter, type AcceptedUpdate, type Log, type LogPiece, type LogRecord } from "../../src/feed/state/record.ts";
import type { FlushPolicy } from "../../src/feed/fanout/live/flush-schedule.ts";
import type { FanoutLimits } from "../../src/feed/fanout/fanout-limits.ts";
import { Budget } from "../../src/feed/fanout/budget.ts";
import type { EncodedMessage } from "../../src/feed/fanout/encoded-message.ts";
import type { Sink, Subscriber } from "../../src/feed/fanout/subscriber.ts";
import { parsePosition } from "../../src/protocol/position.ts";
import { parseSelection, selects, type Selection, type Subscription } from "../../src/protocol/selection.ts";
import type { Update } from "../../src/protocol/update.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { expect } from "vitest";
import { isWanted, View, type Message } from "../support/view.ts";

/** A log that has everything from some seq on. */
export class MemoryLog implements Log {
  readonly records: LogRecord[] = [];
  start = 0;

  /** The updates after the seq `from`, up to `seq`. */
  between(from: number, seq: number): AcceptedUpdate[] {
    const first = this.records.findLastIndex((record) => seqAfter(record) <= from) + 1;
    const updates = this.records.slice(first).flatMap((record) => record.updates);
    return updates.filter((update) => update.seq > from && update.seq <= seq);
  }

  /** A few records a look, so that readers need several. */
  read(after: number, selection: Selection): LogPiece | undefined {
    if (after < this.start) return undefined;
    const index = this.records.findIndex((record) => seqAfter(record) > after);
    const looked = index === -1 ? [] : this.records.slice(index, index + 20);
    const records = looked.map((record) => ({
      from: record.from,
      seq: seqAfter(record),
      time: record.time,
      updates: record.updates
        .filter(({ seq, update }) => seq > after && selects(selection, update.key))
        .map(({ text }) => text),
    }));
    return {
      records: records.filter(({ updates }) => updates.length > 0),
      seq: records.at(-1)?.seq ?? after,
      isEnd: looked.length === 0 || looked.at(-1) === this.records.at(-1),
    };
  }
}

export function subscriptionOf(
  keys: readonly string[],
  mode: Subscription["mode"] = "latest",
  hz?: number,
): Subscription {
  const parsed = parseSelection(keys);
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
  readonly mode: Subscription["mode"];
  readonly hz: number | undefined;

  constructor(keys: readonly string[] = [], mode: Subscription["mode"] = "latest", hz?: number) {
    this.keys = keys;
    this.mode = mode;
    this.hz = hz;
    this.view = new View();
  }

  get subscription(): Subscription {
    return subscriptionOf(this.keys, this.mode, this.hz);
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
  ask(broadcast: Broadcast, keys: readonly string[]): ReturnType<Broadcast["resubscribe"]> {
    this.keys = keys;
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
    const concerned = (this.log?.between(from!, seq!) ?? []).filter(({ key }) => isWanted(this.#selected, key));
    const texts = concerned.map(({ text }) => text);
    if (this.mode === "all") same(JSON.stringify(updates), `[${texts.join()}]`, "the updates");
    const keys = concerned.map(({ key }) => key);
    const told = updates.map(({ key }) => key).toSorted();
    if (this.mode === "latest") same(told.join(), [...new Set(keys)].toSorted().join(), "the keys");
    if (this.#selected.length === 0) same(updates.length + skipped, concerned.length, "how many updates there were");
  }

  /** What the server selects for it now. */
  get #selected(): readonly string[] {
    const id = (this.subscriber?.subscription ?? this.subscription).selection.id;
    return id === "*" || id === "" ? [] : id.split(",");
  }
}

/** A feed with its broadcast, a log, and a clock that is stepped by hand: no storage, no sockets, no timers. */
export class FeedFixture {
  now = 1_700_000_000_000;
  log = new MemoryLog();
  feed: Feed;
  broadcast: Broadcast;
  readonly policy: FlushPolicy;
  readonly limits: Partial<FanoutLimits>;
  readonly budget: Budget;
  /** An error that should not happen fails the test. */
  failed = (error: unknown): void => {
    throw error;
  };
  /** When the broadcast wants its next step. */
  due: number | undefined;

  /** With a capacity of 0, everything after the first message is gathered. */
  constructor(policy: Partial<FlushPolicy> = {}, limits: Partial<FanoutLimits> = {}, budget = new Budget()) {
    this.limits = limits;
    this.budget = budget;
    this.policy = { capacity: 0, slice: 1000, group: 1000, window: () => 50, turn: 50, ...policy };
    this.feed = Feed.begin("e1");
    this.broadcast = this.#newBroadcast();
  }

  publish(...updates: Update[]): ReturnType<Feed["accept"]> {
    const decoded = finishSteps(decodeUpdatesInSteps(updates));
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
    this.expire();
    const acceptance = this.feed.accept(decoded.updates, this.now);
    if (acceptance.ok && acceptance.record) this.#keep(acceptance.record);
    return acceptance;
  }

  expire(): void {
    const record = this.feed.expire(this.now);
    if (record) this.#keep(record);
  }

  connect(subscriber: RecordingSubscriber, since?: string): void {
    subscriber.hello = this.feed.seq;
    subscriber.savedPosition = undefined;
    const position = since === undefined ? undefined : parsePosition(since);
    subscriber.log = this.log;
    subscriber.subscriber = this.broadcast.subscribe(subscriber, subscriber.subscription, position);
  }

  disconnect(subscriber: RecordingSubscriber): void {
    if (subscriber.subscriber) this.broadcast.unsubscribe(subscriber.subscriber);
    subscriber.lose();
  }

  step(): void {
    if (this.broadcast.needsCommit(this.now)) this.expire();
    this.due = this.broadcast.step(this.now);
  }

  /** Lets time pass, with a step whenever one is due. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.due !== undefined && this.due <= end) {
      this.now = Math.max(this.now, this.due);
      this.step();
    }
    this.now = end;
    this.expire();
    do this.step();
    while (this.due !== undefined && this.due <= end);
  }

  /** What a loss of memory does: the feed is rebuilt from its records, connected subscribers from their saved positions. */
  rebuild(subscribers: readonly RecordingSubscriber[]): void {
    const feed = Feed.begin(this.feed.epoch);
    for (const record of this.log.records) feed.apply(record);
    this.feed = feed;
    this.broadcast = this.#newBroadcast();
    for (const subscriber of subscribers) {
      if (!subscriber.subscriber) continue;
      const { savedPosition } = subscriber;
      if (savedPosition)
        subscriber.subscriber = this.broadcast.rejoin(subscriber, subscriber.subscription, savedPosition);
      else subscriber.lose();
    }
    this.step();
  }

  /** What a replica does that has got the whole state anew: another feed and broadcast, which go on with its subscribers. */
  replace(subscribers: readonly RecordingSubscriber[], epoch = this.feed.epoch): void {
    this.broadcast.end();
    if (epoch !== this.feed.epoch) this.log = new MemoryLog();
    this.feed = Feed.begin(epoch);
    for (const record of this.log.records) this.feed.apply(record);
    this.broadcast = this.#newBroadcast();
    for (const subscriber of subscribers) {
      const before = subscriber.subscriber;
      if (!before) continue;
      subscriber.log = this.log;
      if (before.hasPart) subscriber.lose();
      else subscriber.subscriber = this.broadcast.takeOver(before);
    }
    this.step();
  }

  reset(epoch: string): void {
    this.feed.reset(epoch);
    this.log.records.length = 0;
    this.log.start = 0;
    this.broadcast.announceReset();
  }

  entries(): Record<string, unknown> {
    return Object.fromEntries([...this.feed.entries.select(subscriptionOf([]).selection)].map((e) => [e.key, e.value]));
  }

  #keep(record: LogRecord): void {
    this.log.records.push(record);
    this.broadcast.deliver([record], this.now);
    this.step();
  }

  #newBroadcast(): Broadcast {
    const wake = (): void => void (this.due = Math.min(this.due ?? Infinity, this.now));
    return new Broadcast(this.feed, this.log, this.policy, {
      now: () => this.now,
      wake,
      failed: (error) => this.failed(error),
      limits: this.limits,
      budget: this.budget,
    });
  }
}

/** Connects a subscriber that takes nothing of what it is sent. */
export function slowReader(
  fixture: FeedFixture,
  keys: readonly string[] = [],
  account = "somebody",
): RecordingSubscriber {
  const reader = new RecordingSubscriber(keys);
  reader.account = account;
  reader.slow = true;
  fixture.connect(reader);
  fixture.advance(10);
  return reader;
}
