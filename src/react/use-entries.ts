import { useCallback, useRef, useSyncExternalStore } from "react";
import type { Feed, FeedStatus } from "../client/index.ts";
import { initialOf } from "./initial-feed.ts";

/** The status before there is a feed. One object, since React compares it. */
const BEFORE: FeedStatus = {
  state: "connecting",
  reason: "not connected yet",
  since: 0,
  retryAt: undefined,
  code: undefined,
  silentSince: undefined,
};
const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();
const NO_KEYS: readonly string[] = [];

/** The feed's state, with its reason. Before there is a feed, it is `connecting`. */
export function useFeedStatus(feed: Feed<unknown> | undefined): FeedStatus {
  return useFeedValue(feed, (feed) => feed.status, BEFORE);
}

/** One entry's value, if there is one. Renders again only when that changes. */
export function useEntry<T>(feed: Feed<T> | undefined, key: string): T | undefined {
  return useFeedValue<T, T | undefined>(feed, (feed) => feed.get(key), undefined);
}

/** The keys of all entries. Renders again only when one comes or goes: with `useEntry` in each row, that makes a table. */
export function useKeys(feed: Feed<unknown> | undefined): readonly string[] {
  const known = useRef(NO_KEYS);
  return useFeedValue(
    feed,
    (feed) => {
      if (!hasKeys(feed, known.current)) known.current = [...feed.keys()];
      return known.current;
    },
    NO_KEYS,
  );
}

/** All entries. Renders again whenever one of them changes: for a long table, `useEntry` in each row costs less. */
export function useEntries<T>(feed: Feed<T> | undefined): ReadonlyMap<string, T> {
  return useFeedValue<T, ReadonlyMap<string, T>>(feed, (feed) => feed.getSnapshot().entries, NOTHING);
}

/** Whether the feed has these keys, in this order. */
function hasKeys(feed: Feed<unknown>, keys: readonly string[]): boolean {
  let count = 0;
  for (const key of feed.keys()) if (key !== keys[count++]) return false;
  return count === keys.length;
}

/** What `read` returns, after every change of the feed. Without a feed, and on a server if it begins with nothing, `before`. */
function useFeedValue<T, V>(feed: Feed<T> | undefined, read: (feed: Feed<T>) => V, before: V): V {
  // The same function as long as the feed is the same: otherwise React would subscribe again with every render. Not
  // `feed.subscribe`, which makes a snapshot of everything for each change.
  const subscribe = useCallback(
    (listener: () => void) => {
      const ends = feed && [feed.on("change", listener), feed.on("status", listener)];
      return () => ends?.forEach((end) => end());
    },
    [feed],
  );
  const readIf = (feed: Feed<T> | undefined): V => (feed ? read(feed) : before);
  return useSyncExternalStore(
    subscribe,
    () => readIf(feed),
    () => readIf(initialOf(feed)),
  );
}
