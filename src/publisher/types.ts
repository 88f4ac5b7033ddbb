import type { UpdateIssue } from "../protocol/codes.ts";

/** One change of one key. What it holds may be anything that JSON can write; an object with a `toJSON` is asked for it. */
export type Update = {
  readonly key: string;
  /** When it happened at the source, in milliseconds since 1970. */
  readonly time?: number | undefined;
  /** The source's own version of the key: an update that is not above the last one is stale, and not applied. */
  readonly version?: number | undefined;
  /** Seconds after which the entry is deleted unless a newer update comes. */
  readonly ttl?: number | undefined;
} & (
  | { readonly set: object; readonly patch?: undefined; readonly delete?: undefined }
  | { readonly patch: object; readonly set?: undefined; readonly delete?: undefined }
  | { readonly delete: true; readonly set?: undefined; readonly patch?: undefined }
);

/** What a POST was answered once it was durable. It may have carried other calls' updates too, and counts them as well. */
export interface Receipt {
  readonly feed: string;
  readonly epoch: string;
  /** The feed's seq after the POST. */
  readonly seq: number;
  readonly accepted: number;
  readonly stale: number;
}

export type { UpdateIssue };

/**
 * `delivering` all is well, also while there is nothing to do; `away` the server cannot be reached or takes nothing now,
 * and is tried again at `retryAt`; `closed` by `close`, or because the credential was refused. Times are milliseconds
 * since 1970, reasons are words for a person.
 */
export type PublisherStatus =
  | { readonly state: "delivering" }
  | { readonly state: "away"; readonly reason: string; readonly since: number; readonly retryAt: number }
  | { readonly state: "closed"; readonly reason: string };

/** A credential, or what to ask for one. */
export type Key = string | (() => string | undefined | Promise<string | undefined>);

export interface PublisherOptions {
  /** The server's address, e.g. `https://feeds.example.com`. */
  readonly url: string;
  readonly feed: string;
  /**
   * A credential that may publish to the feed. A function is asked before each POST, and once more where the server
   * refuses what it gave; where it throws, it is asked again after a while. What it gives has to be of one holder: static
   * keys of one kind, or tokens with one `iss` and `sub`. The server keeps each holder's idempotency keys apart, and so a POST whose
   * outcome is not known is not repeated with the token of another.
   */
  readonly key?: Key | undefined;
  /** The most updates that are gathered into one POST; 1,000 if not given, which is also the most there can be. */
  readonly batchUpdates?: number | undefined;
  /** The most bytes of JSON that are gathered into one POST; 1 MiB if not given, which is also the most there can be. */
  readonly batchBytes?: number | undefined;
  /** The most updates that may wait for their receipts; 10,000 if not given. */
  readonly maxPending?: number | undefined;
  /**
   * While they wait, a `set` takes the place of an earlier one of the same key, and both are settled together. Only
   * of those that were published one by one, and where nothing else of that key came between.
   */
  readonly conflate?: boolean | undefined;
  /** Milliseconds after which a POST that the server does not take is given up; without it, it is tried for ever. */
  readonly giveUpAfter?: number | undefined;
  /** Milliseconds that an answer may take; 10,000 if not given. */
  readonly timeout?: number | undefined;
  /** Bodies of more bytes are sent gzipped, where the platform can; 8,192 if not given, `Infinity` for none. */
  readonly gzipOver?: number | undefined;
  /** The platform's own if not given. Another has to send what it is given once: all repetition is the publisher's. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly onStatus?: ((status: PublisherStatus) => void) | undefined;
}

/**
 * Publishes to one feed, in order: one POST at a time, each tried until it is answered, and applied once. A call has one of
 * three outcomes: it is done (its receipt), undone (`PublishRefusedError`: nothing was changed) or unknown
 * (`PublishUnknownError`: it may have been applied). A POST whose answer is lost, late or `502 outcome_unknown` is repeated with the
 * same `Idempotency-Key` and the same body for eight minutes, within the ten for which the feed remembers it, and in no
 * other way: what may have been applied is never sent in parts or under another key, and never called undone.
 */
export interface Publisher {
  readonly status: PublisherStatus;
  /** Updates that wait for their receipts. */
  readonly pending: number;
  /**
   * Publishes one update, or a batch: all of it or none, never split. What is published while a POST is under way is
   * gathered into the next, each call whole. The promise is settled once that is durable.
   *
   * It rejects at once, and nothing is published, with a `RangeError` or `TypeError` for what no server could take (more
   * than 1,000 updates, more than 1 MiB, NaN, a BigInt, a Map), `PublisherFullError` where too much waits already, and
   * `PublisherClosedError` after `close`.
   * It rejects later with `PublishRefusedError` where the server refused this call, and with `PublishUnknownError` where
   * nobody can tell whether it was applied, which is the outcome of all calls that went in one POST with it. Such a rejection need not be handled here: `flush` and `close` tell it too.
   */
  publish(updates: Update | readonly Update[]): Promise<Receipt>;
  /** Ends when there is room to publish. */
  ready(): Promise<void>;
  /** Ends when all that was published before is durable. Rejects with the first error since the last `flush`, if any. */
  flush(): Promise<void>;
  /**
   * Takes nothing more, and ends when all that was published is durable; rejects as `flush` does. Where the signal
   * aborts, it ends at once and gives the updates that have no receipt; the last POST of them may still be applied.
   */
  close(options?: { readonly signal?: AbortSignal | undefined }): Promise<readonly Update[]>;
  /** Calls back until the returned function is called. */
  on(event: "status", listener: (status: PublisherStatus) => void): () => void;
}
