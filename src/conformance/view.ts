import { Deviation } from "./assertions.ts";

export interface Update {
  readonly key: string;
  readonly set?: Fields;
  readonly patch?: Fields;
  readonly delete?: true;
  readonly time?: number;
}

export interface Fields {
  readonly [name: string]: unknown;
}

/** Any message of a server. Which members there are depends on its type. */
export interface Message {
  readonly type: string;
  readonly id?: number;
  readonly protocol?: string;
  readonly feed?: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly from?: number;
  readonly time?: number;
  readonly skipped?: number;
  readonly reason?: string;
  readonly more?: boolean;
  readonly entries?: Readonly<Record<string, Fields>>;
  readonly updates?: readonly Update[];
  readonly code?: string;
  readonly message?: string;
  readonly accepted?: number;
  readonly stale?: number;
  readonly issues?: readonly { readonly index: number }[];
}

/**
 * What a client has after doing what the contract says with each message. Throws where continuity breaks: where a `from` is
 * not the seq that the client had, where a seq goes back, or where something comes between the parts of a snapshot.
 */
export class View {
  readonly entries = new Map<string, Fields>();
  epoch: string | undefined;
  /** -1 before the first snapshot. */
  seq = -1;
  /** Every update that was shown, in order. */
  readonly updates: Update[] = [];
  #parts: Message[] = [];

  /** Whether the rest of a snapshot is to come. */
  get partial(): boolean {
    return this.#parts.length > 0;
  }

  get position(): string {
    return `${this.epoch}:${this.seq}`;
  }

  /** The keys of the updates. */
  get keys(): string[] {
    return this.updates.map(({ key }) => key);
  }

  state(): Record<string, Fields> {
    return Object.fromEntries(this.entries);
  }

  /** Begins where a client was before. */
  resume(other: View): void {
    for (const [key, value] of other.entries) this.entries.set(key, value);
    this.epoch = other.epoch;
    this.seq = other.seq;
  }

  apply(message: Message): void {
    if (message.type === "snapshot") this.#snapshot(message);
    else if (message.type === "update") this.#update(message);
  }

  #snapshot(message: Message): void {
    const [first] = this.#parts;
    if (first && (first.seq !== message.seq || first.epoch !== message.epoch)) {
      throw new Deviation(
        "the parts of a snapshot",
        `all at ${first.epoch}:${first.seq}`,
        `${message.epoch}:${message.seq}`,
      );
    }
    this.#parts.push(message);
    if (message.more === true) return;
    // The answer to `subscribe` adds to what is there.
    if (message.reason !== "subscribe") this.entries.clear();
    for (const { entries = {} } of this.#parts)
      for (const [key, value] of Object.entries(entries)) this.entries.set(key, value);
    this.#parts = [];
    this.epoch = message.epoch;
    this.seq = message.seq ?? -1;
  }

  #update({ from, seq = -1, updates = [] }: Message): void {
    if (this.partial) throw new Deviation("continuity", "the rest of a snapshot", "an update");
    if (from !== this.seq) throw new Deviation("continuity", `an update from ${this.seq}`, `one from ${from}`);
    if (seq < from) throw new Deviation("continuity", `a seq from ${from} on`, seq);
    for (const update of updates) {
      this.updates.push(update);
      if (update.set !== undefined) this.entries.set(update.key, update.set);
      else if (update.patch !== undefined)
        this.entries.set(update.key, merge(this.entries.get(update.key), update.patch));
      else this.entries.delete(update.key);
    }
    this.seq = seq;
  }
}

/** RFC 7396. */
function merge(target: unknown, patch: Fields): Fields {
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, isObject(value) ? merge(result.get(name), value) : value);
  }
  return Object.fromEntries(result);
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
