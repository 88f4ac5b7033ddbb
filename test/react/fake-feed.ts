import type {
  Change,
  Feed,
  FeedEvents,
  FeedOptions,
  FeedSnapshot,
  FeedStatus,
  Selection,
} from "../../src/client/types.ts";

const CONNECTING: FeedStatus = { state: "connecting", reason: "", since: 0, retryAt: undefined, code: undefined };

/** A feed whose entries and status the test sets. */
export class FakeFeed<T> implements Feed<T> {
  readonly name: string;
  readonly options: FeedOptions;
  readonly selections: Selection[] = [];
  readonly counters = { messages: 0, updates: 0, skipped: 0, connections: 0 };
  readonly position = undefined;
  readonly latency = undefined;
  isClosed = false;
  #snapshot: FeedSnapshot<T> = { status: CONNECTING, entries: new Map(), position: undefined };
  readonly #listeners = new Set<() => void>();

  constructor(name = "stocks", options: FeedOptions = {}) {
    this.name = name;
    this.options = options;
  }

  /** How many listeners there are. */
  get listeners(): number {
    return this.#listeners.size;
  }
  get status(): FeedStatus {
    return this.#snapshot.status;
  }
  get state(): FeedStatus["state"] {
    return this.status.state;
  }
  get size(): number {
    return this.#snapshot.entries.size;
  }

  set(key: string, value: T): void {
    this.#change({ entries: new Map(this.#snapshot.entries).set(key, value) });
  }
  setState(state: FeedStatus["state"]): void {
    this.#change({ status: { ...this.status, state } });
  }
  #change(change: Partial<FeedSnapshot<T>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }

  get(key: string): T | undefined {
    return this.#snapshot.entries.get(key);
  }
  has(key: string): boolean {
    return this.#snapshot.entries.has(key);
  }
  keys(): IterableIterator<string> {
    return this.#snapshot.entries.keys();
  }
  entries(): IterableIterator<[string, T]> {
    return this.#snapshot.entries.entries();
  }
  on<E extends keyof FeedEvents<T>>(_event: E, _listener: FeedEvents<T>[E]): () => void {
    return () => {};
  }
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  getSnapshot(): FeedSnapshot<T> {
    return this.#snapshot;
  }
  select(selection: Selection): Promise<void> {
    this.selections.push(selection);
    return Promise.resolve();
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<Change<T>, void> {}
  reconnect(): void {}
  close(): void {
    this.isClosed = true;
    this.setState("closed");
  }
}
