export { useEntries, useEntry, useFeedStatus, useKeys } from "./use-entries.ts";
export { useFeed } from "./use-feed.ts";
export type { Feed, FeedOptions, FeedStatus, InitialSnapshot } from "../client/index.ts";
