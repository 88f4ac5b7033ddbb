import type { SocketClass } from "../connecting/socket.ts";
import type { UpdateIssue } from "../protocol/codes.ts";
import type { Patch, Receipt, Update } from "../protocol/published.ts";

export type { Patch, Receipt, Update };

export type { UpdateIssue };
export type { DeclaredFeed, DeclaredFeeds } from "../protocol/declared-feeds.ts";

/** A way to the feed. */
export type Transport = "websocket" | "http";

/**
 * `delivering` all is well, also while there is nothing to do, and by which way the last batch went; `away` the server cannot
 * be reached or takes nothing now, and is tried again at `retryAt`; `closed` by `close`, or because the credential was refused.
 * Times are milliseconds since 1970, reasons are words for a person.
 */
export type PublisherStatus =
  | { readonly state: "delivering"; readonly transport: Transport }
  | { readonly state: "away"; readonly reason: string; readonly since: number; readonly retryAt: number }
  | { readonly state: "closed"; readonly reason: string };

/** A credential, or what to ask for one. */
export type Key = string | (() => string | undefined | Promise<string | undefined>);

/** What becomes of updates while `maxPending` of them wait: see `PublisherOptions`. */
export type WhenFull = "conflate" | "drop-oldest" | "wait";

export interface PublisherOptions<Name extends string = string> {
  /** The server's address, e.g. `https://feeds.example.com`. */
  readonly url: string;
  readonly feed: Name;
  /**
   * A credential that may publish to the feed. A function is called before each POST, for each socket and before the token of
   * one ends, and once more if the server refuses what it gave; if it throws, it is called again after a while. All its
   * credentials have to be of one principal: publish keys, admin keys, or tokens with one `iss` and `sub`. The server keeps
   * each principal's publishes apart, so a batch whose outcome is not known is not repeated with the token of another principal.
   */
  readonly key?: Key | undefined;
  /**
   * `auto` if not given: POSTs at first, so that nothing waits for a socket to open, and a WebSocket as soon as more is
   * published; POSTs again while no socket gets through. `websocket`: no POST ever; since a socket does not say why it was
   * refused, a wrong key shows as `away`. `http`: POSTs alone, which is also what `auto` is where there is no WebSocket, and
   * with a `fetch` of your own without a `WebSocket`.
   */
  readonly transport?: "auto" | Transport | undefined;
  /** Batches under way at a time over a WebSocket, from 1 to 64 (more count as 64); 16 if not given. POSTs go one at a time. */
  readonly inFlight?: number | undefined;
  /** The most updates in one batch that gathers several calls; 1,000 if not given, which is also the server's limit. */
  readonly batchUpdates?: number | undefined;
  /** The most bytes of JSON in one batch that gathers several calls; 1 MiB if not given, which is also the server's limit. */
  readonly batchBytes?: number | undefined;
  /**
   * The most updates that may wait for their receipts; 10,000 if not given. Up to half of them may be under way. An update
   * waits in memory as JSON.
   */
  readonly maxPending?: number | undefined;
  /**
   * What becomes of updates for which there is no room, as when the server is away for long:
   *
   * - `conflate`, if not given: of what nobody waits for (`send`, and `publish` if its promise is not taken), all updates of one
   *   key become one with the effect of all, until all that waits has gone out. Calls that share keys become one batch. If there
   *   is no room still, it is made as by `drop-oldest`: more keys wait than may, or patches have versions.
   * - `drop-oldest`: of what nobody waits for, the oldest is given up: counted in `dropped`, and told once as `error`.
   *
   *   By both, `publish` rejects with `PublisherFullError` if there is no room even so.
   * - `wait`: everything is taken and kept, however much waits. Only for those who wait themselves: for each receipt, or for
   *   `ready` before each call.
   */
  readonly whenFull?: WhenFull | undefined;
  /**
   * While they wait, and also while there is room, a `set` replaces an earlier one of the same key, and both get the same
   * outcome. Only if each was published by itself, and nothing else of that key came between. False if not given: each update
   * is published.
   */
  readonly conflate?: boolean | undefined;
  /** Milliseconds after which a batch that the server does not take is given up; never if not given. */
  readonly giveUpAfter?: number | undefined;
  /** Milliseconds that an answer may take; 10,000 if not given. */
  readonly timeout?: number | undefined;
  /** Bodies of POSTs with more bytes are sent gzipped, if the platform can; 8,192 if not given, `Infinity` for never. */
  readonly gzipOver?: number | undefined;
  /** The platform's own if not given. It must send each request once only: the publisher repeats what has to be repeated. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** The platform's own if not given. */
  readonly WebSocket?: SocketClass | undefined;
  readonly onStatus?: PublisherEvents["status"] | undefined;
}

export interface PublisherEvents {
  status: (status: PublisherStatus) => void;
  /**
   * These updates were not published, or it is not known, and nobody has taken a promise that says so. While nobody listens, the
   * first such error goes to the console. That there is no room is told once, and again after all that waits has gone out.
   */
  error: (error: Error, updates: readonly Update[]) => void;
}

/**
 * Publishes to one feed, in order: over one WebSocket, with several batches under way, or by one POST at a time. Each batch is
 * tried until it is answered, and applied once, also when the way changes in between. A call has one of three outcomes: it is
 * done (its receipt), undone (`PublishRefusedError`: nothing was changed) or unknown (`PublishUnknownError`: it may have been
 * applied). A batch whose answer is lost, late or `outcome_unknown` is repeated with the same idempotency key and the same
 * updates for eight minutes, within the ten for which the feed remembers it, and in no other way: what may have been applied
 * is never sent in parts or under another key, and never called undone.
 *
 * A WebSocket is closed after a minute without use, and opened again. Until then it keeps a Node process alive: `close`.
 */
export interface Publisher<Value = unknown> {
  readonly status: PublisherStatus;
  /** Updates that wait for their receipts. */
  readonly pending: number;
  /** Updates that nobody waited for and that were given up for lack of room: see `whenFull`. */
  readonly dropped: number;
  /**
   * Publishes one update, or a batch: all of it or none, never split. What is published while as many batches are under way as
   * may be is gathered into the next, each call whole. The promise resolves once that is durable.
   *
   * It rejects at once, and nothing is published, with a `RangeError` or `TypeError` for what no server could take (more
   * than 1,000 updates, more than 1 MiB, NaN, a BigInt, a Map), `PublisherFullError` if too much waits already, and
   * `PublisherClosedError` after `close`.
   * It rejects later with `PublishRefusedError` if the server refused this call, and with `PublishUnknownError` if it is not
   * known whether it was applied, which is then the outcome of all calls under way with it; `flush` and `close` reject with
   * these too.
   *
   * If nobody takes the promise, no rejection is an unhandled one: it goes to the listeners of `error`, and `flush`.
   */
  publish(updates: Update<Value> | readonly Update<Value>[]): Promise<Receipt>;
  /**
   * Publishes as `publish` does, for who waits for no receipt, such as a live source: never throws. What fails goes to the
   * listeners of `error`, and to `flush`. What becomes of it if the server is away for long, `whenFull` says.
   */
  send(updates: Update<Value> | readonly Update<Value>[]): void;
  /** Resolves when there is room for so many updates, 1 if not given; for more than `maxPending` when nothing waits. */
  ready(count?: number): Promise<void>;
  /**
   * Resolves when all that was published before is durable. Rejects with the first error since the last `flush`, if any; of
   * calls that were not even taken, only if nobody has taken the promise.
   */
  flush(): Promise<void>;
  /**
   * Takes nothing more, and resolves when all that was published is durable; rejects as `flush` does. If the signal
   * aborts, it resolves at once with the updates that have no receipt; those under way may still be applied.
   */
  close(options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly Update[]>;
  /** Calls back until the returned function is called. */
  on<E extends keyof PublisherEvents>(event: E, listener: PublisherEvents[E]): () => void;
}
