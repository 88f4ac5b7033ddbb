import type { SocketClass } from "../connecting/socket.ts";
import type { DeclaredFeeds, FeedName, ValueOf } from "../protocol/declared-feeds.ts";
import { BATCH_BYTES, BATCH_UPDATES } from "../protocol/limits.ts";
import { FeedPublisher } from "./publisher.ts";
import type { Publisher, PublisherOptions } from "./types.ts";

export { PublisherClosedError, PublisherFullError, PublishRefusedError, PublishUnknownError } from "./errors.ts";
export type * from "./types.ts";

const IN_FLIGHT = 16;
/** The feed remembers so many batches of a session. */
const IN_FLIGHT_MAX = 64;
const MAX_PENDING = 10_000;
const TIMEOUT_MS = 10_000;
const GZIP_OVER_BYTES = 8_192;

const TRANSPORTS = ["auto", "websocket", "http"];
const WHEN_FULL = ["conflate", "drop-oldest", "wait"];

/**
 * A publisher to one feed. Throws a `TypeError` if `url` is no http URL, or an option is none of those that there are; a
 * `RangeError` for a number that is not above 0.
 *
 * `Feeds` are feeds that are declared in code, `createPublisher<typeof feeds, "stocks">`: then the values are those of that
 * feed; without the name beside them, those of any of the feeds.
 */
export function createPublisher<
  Feeds extends DeclaredFeeds = DeclaredFeeds,
  Name extends FeedName<Feeds> = FeedName<Feeds>,
>(options: PublisherOptions<Name>): Publisher<ValueOf<Feeds, Name>> {
  const { transport = "auto", inFlight = IN_FLIGHT, whenFull = "conflate" } = options;
  mustBeOneOf(TRANSPORTS, "transport", transport);
  mustBeOneOf(WHEN_FULL, "whenFull", whenFull);
  const { batchUpdates = BATCH_UPDATES, batchBytes = BATCH_BYTES, maxPending = MAX_PENDING } = options;
  const { timeout = TIMEOUT_MS, gzipOver = GZIP_OVER_BYTES, giveUpAfter = Infinity } = options;
  const numbers = { batchUpdates, batchBytes, maxPending, timeout, gzipOver, giveUpAfter, inFlight };
  for (const [name, value] of Object.entries(numbers)) {
    if (!(value > 0)) throw new RangeError(`${name} is not above 0: ${value}`);
  }
  const Socket = transport === "http" ? undefined : socketOf(options);
  if (transport === "websocket" && !Socket)
    throw new TypeError("no WebSocket here (Node 22 has one): give one as an option");
  const publisher = new FeedPublisher({
    destination: {
      url: publishUrl(options.url, options.feed),
      feed: options.feed,
      Socket,
      posts: transport !== "websocket",
      inFlight: Math.min(inFlight, IN_FLIGHT_MAX),
      capacity: { updates: Math.min(batchUpdates, BATCH_UPDATES), bytes: Math.min(batchBytes, BATCH_BYTES) },
      // An unset variable gives an empty key.
      key: options.key === "" ? undefined : options.key,
      // The platform's own `fetch` must not be called as a method.
      fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
      timeout,
      gzipOver,
      giveUpAfter,
      updatesUnderWay: Math.ceil(maxPending / 2),
    },
    maxPending,
    whenFull,
    conflate: options.conflate ?? false,
  });
  if (options.onStatus) publisher.on("status", options.onStatus);
  return publisher;
}

function mustBeOneOf(choices: readonly string[], name: string, value: string): void {
  if (!choices.includes(value)) throw new TypeError(`${name} is none of ${choices.join(", ")}: ${value}`);
}

/** Undefined where there is none; and if the caller has a way through of its own, which a socket would not take. */
function socketOf({ WebSocket: own, fetch, transport }: PublisherOptions): SocketClass | undefined {
  if (own || (fetch && transport !== "websocket")) return own;
  // Workers have one too, with all that is used of it, though their types do not say so.
  const platform: object = globalThis;
  return Reflect.get(platform, "WebSocket");
}

function publishUrl(server: unknown, feed: string): string {
  const base = String(server).replace(/\/*$/, "/");
  if (!/^https?:/i.test(base) || !URL.canParse(base))
    throw new TypeError(`url is not an http address: ${String(server)}`);
  return new URL(`v1/feeds/${encodeURIComponent(feed)}`, base).href;
}
