import type { SnapshotReason, Mode } from "../protocol/codes.ts";

/**
 * What a feed's state is, in one word:
 * `connecting` nothing is known yet; `live` what is shown is what the server has; `recovering` the connection is being
 * made again, what is shown was so a moment ago; `stale` the same for longer than `staleAfter`; `offline` there is no
 * network, it goes on by itself when there is; `closed` for good.
 */
export type FeedState = "connecting" | "live" | "recovering" | "stale" | "offline" | "closed";

/** A feed's state with its reason. */
export interface FeedStatus {
  readonly state: FeedState;
  /** Why, in words for a person, e.g. `the server restarts (1012)`. */
  readonly reason: string;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
  /** When the next attempt to connect begins (milliseconds since 1970); none while one is under way or none will come. */
  readonly retryAt: number | undefined;
  /** The close code or HTTP status that ended it, where one did. */
  readonly code: number | undefined;
}

/** One entry's change. */
export interface Change<T> {
  readonly key: string;
  /** The entry's value now; none where the entry is gone. Never modified: a changed entry is another object. */
  readonly value: T | undefined;
  /** Its value before; none where it is new. */
  readonly previous: T | undefined;
}

/** What changed together, and where the feed stands after it. */
export interface Batch {
  /** `epoch:seq`. */
  readonly position: string;
  /**
   * The server's time of it, in milliseconds since 1970: of the newest update, also of a snapshot (0 where there was none
   * yet). None where an older server does not say.
   */
  readonly time: number | undefined;
  readonly cause: "update" | "snapshot";
  /** Why it was a snapshot. */
  readonly reason: SnapshotReason | undefined;
  /** Updates that the server merged away into this one. */
  readonly skipped: number;
}

/** Which keys, how often and how merged; none given means all keys, as often as the server sends, the latest of each. */
export interface Selection {
  /** Exact keys and `prefix*` patterns. */
  readonly keys?: readonly string[] | undefined;
  /** At most so many messages a second, 0.1 to 60. */
  readonly hz?: number | undefined;
  readonly mode?: Mode | undefined;
}

/** All that is known of a feed at one moment. The same object until something changes; never modified. */
export interface FeedSnapshot<T> {
  readonly status: FeedStatus;
  readonly entries: ReadonlyMap<string, T>;
  /** `epoch:seq`; none before the first snapshot. */
  readonly position: string | undefined;
}

export interface FeedEvents<T> {
  /** What one message changed, whole: a batch is never split. Not called where nothing changed. */
  change: (changes: readonly Change<T>[], batch: Batch) => void;
  status: (status: FeedStatus) => void;
}

/** Counts since the feed was opened. */
export interface FeedCounters {
  /** Messages with changes. */
  readonly messages: number;
  /** Updates in them. */
  readonly updates: number;
  /** Updates that the server merged away. */
  readonly skipped: number;
  /** Connections made. */
  readonly connections: number;
}

/** A live view of one feed. */
export interface Feed<T> extends AsyncIterable<Change<T>> {
  readonly name: string;
  readonly state: FeedState;
  readonly status: FeedStatus;
  readonly position: string | undefined;
  readonly size: number;
  readonly counters: FeedCounters;
  /** Milliseconds from a `ping` to its `pong`, the last one measured. */
  readonly latency: number | undefined;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  entries(): IterableIterator<[string, T]>;
  /** Calls back until the returned function is called. A listener that throws is reported and stops nobody else. */
  on<E extends keyof FeedEvents<T>>(event: E, listener: FeedEvents<T>[E]): () => void;
  /** For view libraries: calls back after any change; what changed is read with `getSnapshot` or `get`. */
  subscribe(listener: () => void): () => void;
  getSnapshot(): FeedSnapshot<T>;
  /** Replaces what is selected, on the live connection. Ends when the new selection's entries are there. */
  select(selection: Selection): Promise<void>;
  /**
   * All entries, then every change. A consumer that is slower than the feed gets the latest of each key
   * (`mode: "latest"`). Ends when the feed is closed; throws `FeedClosedError` where the server refused it.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Change<T>>;
  /** Connects at once instead of waiting for the next attempt; also one that the server refused. */
  reconnect(): void;
  close(): void;
}

/** How the server writes its messages on a WebSocket, where not as JSON. */
export interface MessageFormat {
  /** The subprotocol that is offered. With a server that does not speak it the client goes on over HTTP. */
  readonly protocol: string;
  /** What a binary frame says, as `JSON.parse` would have it. Throws where it is no message. */
  readonly decode: (frame: Uint8Array) => unknown;
}

export interface FeedOptions extends Selection {
  /** A credential, or what to ask for one: before each connection, before it expires and after sleep. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /** Milliseconds after the connection is lost until `stale`; 5,000 if not given. */
  readonly staleAfter?: number | undefined;
  /** JSON if not given; `msgpack` of `tickertape/msgpack` is another. Over HTTP it is JSON in any case. */
  readonly format?: MessageFormat | undefined;
  /** The constructor of sockets; the platform's own if not given. */
  readonly WebSocket?: typeof globalThis.WebSocket | undefined;
}
