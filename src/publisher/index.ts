import { BATCH_BYTES, BATCH_UPDATES } from "../protocol/limits.ts";
import { FeedPublisher } from "./publisher.ts";
import type { Publisher, PublisherOptions } from "./types.ts";

export { PublisherClosedError, PublisherFullError, PublishRefusedError, PublishUnknownError } from "./errors.ts";
export type * from "./types.ts";

const MAX_PENDING = 10_000;
const TIMEOUT_MS = 10_000;
const GZIP_OVER_BYTES = 8_192;

/** A publisher to one feed. Throws a `TypeError` if `url` is no http URL, a `RangeError` for a number that is not above 0. */
export function createPublisher(options: PublisherOptions): Publisher {
  if (!("withResolvers" in Promise)) throw new TypeError("no Promise.withResolvers (Node 22 has it)");
  const { batchUpdates = BATCH_UPDATES, batchBytes = BATCH_BYTES, maxPending = MAX_PENDING } = options;
  const { timeout = TIMEOUT_MS, gzipOver = GZIP_OVER_BYTES, giveUpAfter = Infinity } = options;
  const numbers = { batchUpdates, batchBytes, maxPending, timeout, gzipOver, giveUpAfter };
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value > 0)) throw new RangeError(`${name} is not above 0: ${value}`);
  }
  const publisher = new FeedPublisher({
    destination: {
      url: publishUrl(options.url, options.feed),
      // An unset variable gives an empty key.
      key: options.key === "" ? undefined : options.key,
      // The platform's own `fetch` must not be called as a method.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeout,
      gzipOver,
      giveUpAfter,
    },
    capacity: { updates: Math.min(batchUpdates, BATCH_UPDATES), bytes: Math.min(batchBytes, BATCH_BYTES) },
    maxPending,
    conflate: options.conflate ?? false,
  });
  if (options.onStatus) publisher.on("status", options.onStatus);
  return publisher;
}

function publishUrl(server: unknown, feed: string): string {
  const base = String(server).replace(/\/*$/, "/");
  if (!/^https?:/i.test(base) || !URL.canParse(base))
    throw new TypeError(`url is not an http address: ${String(server)}`);
  return new URL(`v1/feeds/${encodeURIComponent(feed)}`, base).href;
}
