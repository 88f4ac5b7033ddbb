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

const before = (): FeedStatus => BEFORE;
const none = (): undefined => undefined;
const nothing = (): ReadonlyMap<string, never> => NOTHING;

/** The feed's state, with its reason. On a server, and before there is a feed, it is `connecting`. */
export function useFeedStatus(feed: Feed<unknown> | undefined): FeedStatus {
  const subscribe = useSubscribe(feed);
  const read = useCallback(() => feed?.status ?? BEFORE, [feed]);
  return useSyncExternalStore(subscribe, read, before);
}

/** One entry's value, if there is one. Renders again only when that changes. */
export function useEntry<T>(feed: Feed<T> | undefined, key: string): T | undefined {
  const subscribe = useSubscribe(feed);
  const read = useCallback(() => feed?.get(key), [feed, key]);
  return useSyncExternalStore(subscribe, read, none);
}

/** All entries. Renders again whenever one of them changes: for a long table, `useEntry` in each row costs less. */
export function useEntries<T>(feed: Feed<T> | undefined): ReadonlyMap<string, T> {
  const subscribe = useSubscribe(feed);
  const read = useCallback(() => feed?.getSnapshot().entries ?? NOTHING, [feed]);
  return useSyncExternalStore<ReadonlyMap<string, T>>(subscribe, read, nothing);
}

/** The same function as long as the feed is the same: otherwise React would subscribe again with every render. */
function useSubscribe(feed: Feed<unknown> | undefined): (listener: () => void) => () => void {
  return useCallback((listener: () => void) => feed?.subscribe(listener) ?? (() => {}), [feed]);
}
