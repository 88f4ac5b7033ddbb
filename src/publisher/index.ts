import { MOST_BYTES, MOST_UPDATES } from "./call.ts";
import { FeedPublisher } from "./publisher.ts";
import type { Publisher, PublisherOptions } from "./types.ts";

export { PublisherClosedError, PublisherFullError, PublishRefusedError, PublishUnknownError } from "./errors.ts";
export type { Key, Publisher, PublisherOptions, PublisherStatus, Receipt, Update, UpdateIssue } from "./types.ts";

const MAX_PENDING = 10_000;
const TIMEOUT_MS = 10_000;
const GZIP_OVER_BYTES = 8_192;

/** A publisher to one feed. Throws a `TypeError` where the address is not one of http, a `RangeError` for a bad number. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { batchUpdates = MOST_UPDATES, batchBytes = MOST_BYTES, maxPending = MAX_PENDING } = options;
  const { timeout = TIMEOUT_MS, gzipOver = GZIP_OVER_BYTES, giveUpAfter = Infinity } = options;
  for (const [name, value] of Object.entries({
    batchUpdates,
    batchBytes,
    maxPending,
    timeout,
    gzipOver,
    giveUpAfter,
  })) {
    if (!(value > 0)) throw new RangeError(`${name} is not above 0: ${value}`);
  }
  const publisher = new FeedPublisher({
    link: {
      url: feedUrl(options.url, options.feed),
      // An empty key, as an unset variable gives it, is none.
      key: options.key === "" ? undefined : options.key,
      // A platform's own fetch wants to be called on nothing.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeout,
      gzipOver,
      giveUpAfter,
    },
    batchUpdates: Math.min(batchUpdates, MOST_UPDATES),
    batchBytes: Math.min(batchBytes, MOST_BYTES),
    maxPending,
    conflate: options.conflate ?? false,
  });
  if (options.onStatus) publisher.on("status", options.onStatus);
  return publisher;
}

function feedUrl(server: unknown, feed: string): string {
  const base = String(server).replace(/\/*$/, "/");
  if (!/^https?:/i.test(base) || !URL.canParse(base))
    throw new TypeError(`url is not an http address: ${String(server)}`);
  return new URL(`v1/feeds/${encodeURIComponent(feed)}`, base).href;
}
