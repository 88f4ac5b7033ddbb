import { createFeed } from "../client/feed.ts";
import { readInitial } from "../client/initial.ts";
import { openLater } from "../client/late-source.ts";
import { runtime } from "../client/runtime.ts";
import { normaliseSelection } from "../client/selection.ts";
import type { Feed, FeedOptions } from "../client/types.ts";

export type AnyFeed = ReturnType<typeof createFeed>;

/** What a page that a server has rendered shows of a feed. React compares it with the page, also when the feed has gone on. */
const initialFeeds = new WeakMap<Feed<unknown>, Feed<unknown>>();

/** A feed that shows what it begins with, and never connects; undefined if it begins with nothing. */
export function initialFeed(name: string, options: FeedOptions<string>): AnyFeed | undefined {
  if (!options.initial) return undefined;
  const initial = readInitial(options.initial, normaliseSelection(options));
  const never = new Promise<never>(() => {});
  // The same on the server and in the page.
  const feed = createFeed(
    name,
    runtime,
    openLater(never, initial, () => 0),
  );
  initialFeeds.set(feed, feed);
  return feed;
}

export function noteInitial(feed: Feed<unknown>, initial: Feed<unknown> | undefined): void {
  if (initial) initialFeeds.set(feed, initialFeeds.get(initial) ?? initial);
}

export function initialOf<T>(feed: Feed<T> | undefined): Feed<T> | undefined {
  // It is of the same feed.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return feed && (initialFeeds.get(feed) as Feed<T> | undefined);
}
