import { environmentOf } from "./environment.ts";
import { connectFeed } from "./feed.ts";
import { shareFeed } from "./share.ts";
import type { OpenFeed } from "./open-feed.ts";
import type { FeedOptions } from "./types.ts";

export { FeedClosedError, FeedPublishError } from "./errors.ts";
export type { OpenFeed, Register } from "./open-feed.ts";
export type * from "./types.ts";
export type { DeclaredFeed, DeclaredFeeds } from "../protocol/declared-feeds.ts";

/**
 * Opens a live view of a feed. It connects at once, comes back whenever the connection is lost, and goes on until
 * `close()`.
 *
 * @param base The server's URL, e.g. `https://feeds.example.com`.
 * @param feed The feed's name, e.g. `stocks`.
 * @throws {TypeError} if `base` is no absolute http URL, `feed` is no feed's name, or `keys` or `fields` are none. All that happens later shows in `status`.
 */
export const connect: OpenFeed = (base: string | URL, feed: string, options: FeedOptions<string> = {}) => {
  const environment = environmentOf(options);
  const opened = options.share
    ? shareFeed(
        base,
        feed,
        options,
        environment,
        import("./sharing/shared-feeds.ts").then(({ joinConnection }) => joinConnection),
      )
    : connectFeed(base, feed, options, environment);
  // The caller says what the entries are.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return opened as unknown as never;
};
