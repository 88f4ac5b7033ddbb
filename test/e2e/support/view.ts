/** An entry's value. */
export type Fields = Record<string, unknown>;

export type Update = { key: string; time?: number; version?: number; ttl?: number } & (
  | { set: Fields }
  | { patch: Fields }
  | { delete: true }
);

export interface Message {
  type: string;
  epoch?: string;
  from?: number;
  seq?: number;
  reason?: string;
  more?: boolean;
  entries?: Record<string, Fields>;
  updates?: Update[];
  skipped?: number;
}

/**
 * What a subscriber knows of one feed, kept as the contract tells clients to keep it, with no code of the server's.
 * What the server must not do is noted in `faults`: a listener that throws would end in the client library.
 */
export class FeedView {
  readonly entries = new Map<string, Fields>();
  readonly messages: Message[] = [];
  readonly faults: string[] = [];
  position: { epoch: string; seq: number } | undefined;
  /** The highest seq that the server ever spoke of. */
  told = 0;
  #parts: Record<string, Fields>[] = [];

  /** Where to resume; nothing before the first snapshot. */
  get since(): string | undefined {
    return this.position && `${this.position.epoch}:${this.position.seq}`;
  }

  /** Reasons of the snapshots, in order. */
  get reasons(): (string | undefined)[] {
    return this.messages.filter(({ type, more }) => type === "snapshot" && !more).map(({ reason }) => reason);
  }

  get types(): string[] {
    return this.messages.map(({ type }) => type);
  }

  state(): Record<string, Fields> {
    return Object.fromEntries(this.entries);
  }

  /** Takes one frame. */
  receive(data: unknown): void {
    if (data === "pong") return;
    try {
      this.apply(JSON.parse(String(data)));
    } catch {
      this.faults.push(`a frame that is not JSON: ${String(data)}`);
    }
  }

  apply(message: Message): void {
    this.messages.push(message);
    this.told = Math.max(this.told, message.seq ?? 0);
    if (message.type === "hello") this.#parts = [];
    if (message.type === "snapshot") this.#applySnapshot(message);
    if (message.type === "update") this.#applyUpdate(message);
  }

  #applySnapshot({ epoch = "", seq = -1, entries = {}, more }: Message): void {
    this.#parts.push(entries);
    if (more) return;
    this.entries.clear();
    for (const part of this.#parts) for (const [key, value] of Object.entries(part)) this.entries.set(key, value);
    this.#parts = [];
    this.position = { epoch, seq };
  }

  #applyUpdate({ from = -1, seq = -1, updates = [] }: Message): void {
    if (!this.position) return void this.faults.push("an update before any snapshot");
    if (this.#parts.length > 0) this.faults.push(`an update inside a snapshot, at ${seq}`);
    if (from !== this.position.seq) this.faults.push(`at ${this.position.seq} came an update from ${from}`);
    if (seq < from) this.faults.push(`an update from ${from} back to ${seq}`);
    for (const update of updates) applyUpdate(this.entries, update);
    this.position.seq = seq;
  }
}

export function applyUpdate(entries: Map<string, Fields>, update: Update): void {
  if ("set" in update) entries.set(update.key, update.set);
  else if ("patch" in update) entries.set(update.key, mergePatch(entries.get(update.key), update.patch));
  else entries.delete(update.key);
}

/** RFC 7396. */
function mergePatch(target: unknown, patch: Fields): Fields {
  const merged: Fields = isFields(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = isFields(value) ? mergePatch(merged[name], value) : value;
  }
  return merged;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
