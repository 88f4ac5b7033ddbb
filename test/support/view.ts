import type { JsonObject } from "../../src/protocol/json.ts";
import type { ServerMessage } from "../../src/protocol/server-messages.ts";
import type { Update } from "../../src/protocol/update.ts";

/** The members of all messages in one type. */
type Members<M> = (M extends unknown ? (members: Omit<M, "type">) => void : never) extends (members: infer All) => void
  ? Partial<All>
  : never;

/** Any message of the server, as a client reads it. */
export type Message = { type: string } & Members<ServerMessage>;

/**
 * What a client has after doing what the contract says with each message, without any code of the server or the client.
 * The server must never break continuity: every `from` has to be the seq that the client had, and no seq goes back.
 */
export class View {
  readonly entries = new Map<string, JsonObject>();
  readonly messages: Message[] = [];
  /** What `receive` found wrong. */
  readonly faults: string[] = [];
  position: { epoch: string; seq: number } | undefined;
  /** What it selects: after a `subscribe` message, the other entries go when the answer comes. */
  wants: readonly string[] = [];
  #parts: Message[] = [];

  /** Whether it waits for the rest of a snapshot. */
  get partial(): boolean {
    return this.#parts.length > 0;
  }

  /** Where to resume; undefined before the first snapshot. */
  get since(): string | undefined {
    return this.position && `${this.position.epoch}:${this.position.seq}`;
  }

  /** Every update since the last snapshot of all entries, in order. */
  get updates(): Update[] {
    const first = this.messages.findLastIndex(({ type, reason }) => type === "snapshot" && reason !== "subscribe") + 1;
    return this.messages.slice(first).flatMap(({ updates = [] }) => updates);
  }

  /** Reasons of the snapshots, in order. */
  get reasons(): (string | undefined)[] {
    return this.messages.filter(({ type, more }) => type === "snapshot" && more !== true).map(({ reason }) => reason);
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  state(): Record<string, JsonObject> {
    return Object.fromEntries(this.entries);
  }

  /** Takes one frame, or a message. Never throws: in a listener, that would end in the client library. */
  receive(data: unknown): void {
    if (data === "pong") return;
    try {
      this.apply(isMessage(data) ? data : JSON.parse(String(data)));
    } catch (error) {
      this.faults.push(`${String(error)} in ${String(data)}`);
    }
  }

  /** Throws if the message breaks continuity. */
  apply(message: Message): void {
    this.messages.push(message);
    if (message.type === "hello") this.forgetParts();
    if (message.type === "snapshot") this.#applySnapshot(message);
    if (message.type === "update") this.#applyUpdate(message);
  }

  /** The connection is gone, and with it what came of a snapshot so far. */
  forgetParts(): void {
    this.#parts = [];
  }

  #applySnapshot(message: Message): void {
    const { epoch = "", seq = -1, reason, more } = message;
    const head = headOf(message);
    if (this.#parts.some((part) => headOf(part) !== head)) throw new Error("parts of two snapshots are mixed");
    if (this.position?.epoch === epoch && seq < this.position.seq) {
      throw new Error(`at ${this.position.seq} came a snapshot of ${seq}`);
    }
    this.#parts.push(message);
    if (more === true) return;
    // The answer to `subscribe` adds to what there was. Every other snapshot replaces it.
    for (const key of this.entries.keys()) {
      if (reason !== "subscribe" || !isWanted(this.wants, key)) this.entries.delete(key);
    }
    for (const { entries = {} } of this.#parts) {
      for (const [key, value] of Object.entries(entries)) this.entries.set(key, value);
    }
    this.#parts = [];
    this.position = { epoch, seq };
  }

  #applyUpdate({ from = -1, seq = -1, updates = [] }: Message): void {
    if (!this.position) throw new Error("an update came before any snapshot");
    if (this.partial) throw new Error(`an update came inside a snapshot, at ${seq}`);
    if (from !== this.position.seq) throw new Error(`at ${this.position.seq} came an update from ${from}`);
    if (seq < from) throw new Error(`an update goes from ${from} back to ${seq}`);
    for (const update of updates) applyUpdate(this.entries, update);
    this.position.seq = seq;
  }
}

function isMessage(data: unknown): data is Message {
  return typeof data === "object" && data !== null && "type" in data;
}

/** What all parts of one snapshot have in common. */
function headOf({ epoch, seq, reason, id }: Message): string {
  return JSON.stringify({ epoch, seq, reason, id });
}

export function applyUpdate(entries: Map<string, JsonObject>, update: Update): void {
  if ("set" in update) entries.set(update.key, update.set);
  else if ("patch" in update) entries.set(update.key, mergePatch(entries.get(update.key), update.patch));
  else entries.delete(update.key);
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: JsonObject): JsonObject {
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, isObject(value) ? mergePatch(merged.get(name), value) : value);
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The contract's rule for fields, said in the plainest way: no names are all. */
export function cutTo(value: JsonObject, fields: readonly string[]): JsonObject {
  if (fields.length === 0) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => fields.includes(name)));
}

/** An update as a subscriber of these fields gets it; undefined if it gets none. `isNew`: it makes its entry. */
export function cutUpdateTo(update: Update, fields: readonly string[], isNew: boolean): Update | undefined {
  if ("set" in update) return { ...update, set: cutTo(update.set, fields) };
  if (!("patch" in update) || fields.length === 0) return update;
  const patch = cutTo(update.patch, fields);
  return isNew || Object.keys(patch).length > 0 ? { ...update, patch } : undefined;
}

/** The contract's selection rule, said in the plainest way: no patterns are everything. */
export function isWanted(patterns: readonly string[], key: string): boolean {
  if (patterns.length === 0) return true;
  return patterns.some((pattern) => (pattern.endsWith("*") ? key.startsWith(pattern.slice(0, -1)) : pattern === key));
}
