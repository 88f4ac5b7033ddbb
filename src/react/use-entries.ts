import { useCallback, useSyncExternalStore } from "react";
import type { Feed, FeedStatus } from "../client/index.ts";

/** The status before there is a feed, and on a server. One object, since React compares it. */
const BEFORE: FeedStatus = {
  state: "connecting",
  reason: "not connected yet",
  since: 0,
  retryAt: undefined,
  code: undefined,
};
const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/** The feed's state, with its reason. On a server, and before there is a feed, it is `connecting`. */
export function useFeedStatus(feed: Feed<unknown> | undefined): FeedStatus {
  return useFeedValue(feed, () => feed?.status ?? BEFORE, BEFORE);
}

/** One entry's value, if there is one. Renders again only when that changes. */
export function useEntry<T>(feed: Feed<T> | undefined, key: string): T | undefined {
  return useFeedValue(feed, () => feed?.get(key), undefined);
}

/** All entries. Renders again whenever one of them changes: for a long table, `useEntry` in each row costs less. */
export function useEntries<T>(feed: Feed<T> | undefined): ReadonlyMap<string, T> {
  return useFeedValue<ReadonlyMap<string, T>>(feed, () => feed?.getSnapshot().entries ?? NOTHING, NOTHING);
}

/** What `read` returns, after every change of the feed; on a server `before`. */
function useFeedValue<V>(feed: Feed<unknown> | undefined, read: () => V, before: V): V {
  // The same function as long as the feed is the same: otherwise React would subscribe again with every render.
  const subscribe = useCallback((listener: () => void) => feed?.subscribe(listener) ?? (() => {}), [feed]);
  return useSyncExternalStore(subscribe, read, () => before);
}
