import type { FeedStatus } from "../client/types.ts";

/**
 * Why what is shown may not be what the server has, and since when, for a person. Undefined while it is.
 *
 * @param liveUntil When it last was, in milliseconds since 1970; undefined if it never was.
 */
export function doubtOf({ state, reason }: FeedStatus, liveUntil?: number): string | undefined {
  if (state === "live") return undefined;
  return `Not live${liveUntil ? ` since ${new Date(liveUntil).toLocaleString()}` : ""}: ${reason}`;
}
