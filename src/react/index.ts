export { useEntries, useEntry, useFeedStatus } from "./use-entries.ts";
export { useFeed } from "./use-feed.ts";
export type { Feed, FeedOptions, FeedStatus } from "../client/index.ts";
