import type { FeedState, FeedStatus } from "./types.ts";

/** The status of a feed that was never connected. */
export function firstStatus(state: FeedState, since: number): FeedStatus {
  const reason = "connecting";
  return { state, reason, since, retryAt: undefined, code: undefined, silentSince: undefined };
}
