export { useEntries, useEntry, useFeedStatus } from "./reading.ts";
export { useFeed } from "./use-feed.ts";
export type { Feed, FeedOptions, FeedStatus } from "../client/index.ts";
