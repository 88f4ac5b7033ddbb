import { openFeed } from "./feed.ts";
import { overHttp } from "./lazy.ts";
import { platform } from "./runtime.ts";
import type { Feed, FeedOptions } from "./types.ts";
import { webSocketTransport } from "./web-socket.ts";

export { FeedClosedError } from "./errors.ts";
export type {
  Batch,
  Change,
  Feed,
  FeedCounters,
  FeedEvents,
  FeedOptions,
  FeedSnapshot,
  FeedState,
  FeedStatus,
  MessageFormat,
  Selection,
} from "./types.ts";

/**
 * Opens a live view of a feed. It connects at once, comes back whenever the connection is lost, and goes on until
 * `close()`. `T` is what the caller knows of the entries: nothing checks it.
 *
 * @param base Where the server is, e.g. `https://feeds.example.com`.
 * @param feed The feed's name, e.g. `stocks`.
 * @throws {TypeError} where `base` is no absolute http address, `keys` no array, or there is no `WebSocket`. All that happens later shows in `status`.
 */
export function connect<T = Record<string, unknown>>(
  base: string | URL,
  feed: string,
  options: FeedOptions = {},
): Feed<T> {
  const Socket = options.WebSocket ?? globalThis.WebSocket;
  if (!Socket) throw new TypeError("WebSocket is not given");
  const transports = [webSocketTransport(Socket, options.format), overHttp("events"), overHttp("polling")] as const;
  // What the entries are is the caller's word.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return openFeed(base, feed, options, { platform, transports }) as Feed<unknown> as Feed<T>;
}
