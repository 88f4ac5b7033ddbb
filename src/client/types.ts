import type { SnapshotReason, Mode } from "../protocol/codes.ts";
import type { Patch, Receipt, Update } from "../protocol/published.ts";

export type { Patch, Receipt, Update };

/**
 * A feed's state in one word:
 * `connecting`: there are no entries yet; `live`: the entries are what the server has; `recovering`: the connection was lost
 * and is made again, the entries were right a moment ago; `stale`: the same for longer than `staleAfter`; `offline`: there
 * is no network, it goes on by itself when there is; `closed`: for good.
 */
export type FeedState = "connecting" | "live" | "recovering" | "stale" | "offline" | "closed";

/** A feed's state with its reason. */
export interface FeedStatus {
  readonly state: FeedState;
  /** Why, in words for a person, e.g. `the server restarts (1012)`. */
  readonly reason: string;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
  /** When the next attempt to connect begins (milliseconds since 1970); undefined during an attempt, and if none will come. */
  readonly retryAt: number | undefined;
  /** The close code or HTTP status with which the last connection or attempt ended, if it had one. */
  readonly code: number | undefined;
  /**
   * Since when nothing has changed of what is selected, if the feed is live and that is longer than its `silentAfter`
   * (milliseconds since 1970 by this machine's clock).
   */
  readonly silentSince: number | undefined;
}

/** One entry's change. */
export interface Change<T> {
  readonly key: string;
  /** The entry's value now; undefined if it was deleted. Never modified: a changed value is another object. */
  readonly value: T | undefined;
  /** Its value before; undefined if it is new. */
  readonly previous: T | undefined;
  /** What the publisher gave with the update, where it did: when it happened at the source, and the source's version of the key. */
  readonly time?: number;
  readonly version?: number;
}

/** What all changes of one message have in common. */
export interface Batch {
  /** The feed's position after it, `epoch:seq`. */
  readonly position: string;
  /**
   * When the newest update was made, by the server's clock, in milliseconds since 1970; for a snapshot 0 if there was none
   * yet. Undefined if an older server does not say.
   */
  readonly time: number | undefined;
  readonly cause: "update" | "snapshot";
  /** Why the server sent a snapshot; undefined for an update. */
  readonly reason: SnapshotReason | undefined;
  /** How many updates the server merged into others. */
  readonly skipped: number;
}

/** The names that a value's members have. */
export type Field<T> = keyof T & string;

/** What is left of a value of which only some fields are selected; all of it if none are named. */
export type Cut<T, F extends string> = [F] extends [never] ? T : Pick<T, F & keyof T>;

/**
 * Which keys, what of their values, how often, and merged or not. Without any: all keys, whole values, as often as the server
 * sends, the latest of each. `F` are the fields; none are all.
 */
export interface Selection<F extends string = never> {
  /** Exact keys and `prefix*` patterns. */
  readonly keys?: readonly string[] | undefined;
  /**
   * The members of the values that are wanted, at most 64: entries have only these, and others change unseen. If the type of
   * the values is given, all of them are named beside it too: `connect<Van, "lat" | "lon">`.
   */
  readonly fields?: readonly F[] | undefined;
  /** The most messages a second, 0.1 to 60. */
  readonly hz?: number | undefined;
  readonly mode?: Mode | undefined;
}

/** A feed at one moment. The same object until something changes; never modified. */
export interface FeedSnapshot<T> {
  readonly status: FeedStatus;
  readonly entries: ReadonlyMap<string, T>;
  /** `epoch:seq`; undefined before the first snapshot. */
  readonly position: string | undefined;
  /** When the feed last changed, by the server's clock (milliseconds since 1970); 0 if never, undefined until that is known. */
  readonly changedAt: number | undefined;
  /** False if nothing was ever published to the feed, or since its reset: its name may be misspelt. Undefined until that is known. */
  readonly exists: boolean | undefined;
}

export interface FeedEvents<T> {
  /** All that one message changed: a batch is never split. Not called if nothing changed. */
  change: (changes: readonly Change<T>[], batch: Batch) => void;
  status: (status: FeedStatus) => void;
}

/** Counts since the feed was opened. */
export interface FeedCounters {
  /** Messages with changes. */
  readonly messages: number;
  /** Updates in them. */
  readonly updates: number;
  /** Updates that the server merged into others. */
  readonly skipped: number;
  /** Connections made. */
  readonly connections: number;
}

/** A live view of one feed. `Whole` is what its values are before they are cut to fields. */
export interface Feed<T, Whole = T> extends AsyncIterable<Change<T>> {
  readonly name: string;
  readonly state: FeedState;
  readonly status: FeedStatus;
  readonly position: string | undefined;
  /** When the feed last changed, by the server's clock (milliseconds since 1970); 0 if never, undefined until that is known. */
  readonly changedAt: number | undefined;
  /** False if nothing was ever published to the feed, or since its reset: its name may be misspelt. Undefined until that is known. */
  readonly exists: boolean | undefined;
  readonly size: number;
  readonly counters: FeedCounters;
  /** Milliseconds from the last `ping` to its `pong`. */
  readonly latency: number | undefined;
  get(key: string): T | undefined;
  has(key: string): boolean;
  keys(): IterableIterator<string>;
  entries(): IterableIterator<[string, T]>;
  /** Calls back until the returned function is called. If a listener throws, that is reported, and the others are called. */
  on<E extends keyof FeedEvents<T>>(event: E, listener: FeedEvents<T>[E]): () => void;
  /**
   * For view libraries: calls back at once and after any change, with the snapshot. That makes a feed a store of Svelte, and
   * with `getSnapshot` one of React.
   */
  subscribe(run: (snapshot: FeedSnapshot<T>) => void): () => void;
  getSnapshot(): FeedSnapshot<T>;
  /**
   * Replaces the selection, on the live connection. Resolves when the new selection's entries are there, to the same feed: its
   * entries have other fields now, if others were named.
   */
  select<F extends Field<Whole> = never>(selection: Selection<F>): Promise<Feed<Cut<Whole, F>, Whole>>;
  /**
   * Publishes one update, or a batch (all of it or none), if the credential may: over the feed's own socket, or by POST while
   * none is live. Resolves with the receipt once it is durable. What has no answer is repeated with one idempotency key, for a
   * minute. Rejects with a `FeedPublishError`, or a `TypeError` or `RangeError` for what no server could take. For more than now
   * and then an update, `createPublisher` of `@tickertape/feed/publisher` keeps order and survives outages.
   */
  publish(updates: Update | readonly Update[]): Promise<Receipt>;
  /**
   * All entries, then every change. A consumer that is slower than the feed gets the latest of each key
   * (`mode: "latest"`). Ends when the feed is closed; throws `FeedClosedError` if the server refused it.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Change<T>>;
  /** Connects at once instead of waiting for the next attempt; also after the server has refused the feed. */
  reconnect(): void;
  close(): void;
}

/** How the server writes its messages on a WebSocket, if not as JSON. */
export interface MessageFormat {
  /** The subprotocol to offer. With a server that does not know it the client goes on over HTTP. */
  readonly protocol: string;
  /** Reads a binary frame, with the result that `JSON.parse` would have. Throws if it is no message. */
  readonly decode: (frame: Uint8Array) => unknown;
}

/** A snapshot as `GET` of a feed answers it, and `read` in a Worker. */
export interface InitialSnapshot {
  readonly epoch: string;
  readonly seq: number;
  readonly time?: number | undefined;
  readonly entries: Readonly<Record<string, object>>;
}

export interface FeedOptions<F extends string = never> extends Selection<F> {
  /** A credential, or a function that gives one: called before each connection, before a token expires and after sleep. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>) | undefined;
  /**
   * What the feed begins with, such as a page that a server rendered has it: a snapshot that has at least all that is
   * selected. The feed is `recovering` with these entries at once, and goes on from their position: nothing is loaded again.
   */
  readonly initial?: InitialSnapshot | undefined;
  /**
   * Shares one connection with all others of this program that ask for the same feed at the same address with the same
   * credential, and say so too. Each sees its own keys and fields. `hz` is the highest that one of them asks for;
   * `mode: "all"` has a connection of its own.
   */
  readonly share?: boolean | undefined;
  /** Milliseconds after the connection is lost until `stale`; 5,000 if not given. */
  readonly staleAfter?: number | undefined;
  /**
   * Seconds without a change after which the status has `silentSince`; if not given, those that are declared where the feed
   * is, if any.
   */
  readonly silentAfter?: number | undefined;
  /** JSON if not given; `msgpack` of `@tickertape/feed/msgpack` is another. Over HTTP it is JSON in any case. */
  readonly format?: MessageFormat | undefined;
  /** The constructor of sockets, such as that of `ws`; if not given, the platform's own, and without one it goes over HTTP. */
  readonly WebSocket?: typeof globalThis.WebSocket | undefined;
}
