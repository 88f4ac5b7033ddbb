import type { FeedStatus } from "../client/types.ts";

/**
 * Why what is shown may not be as things are, and since when, for a person. Undefined while it is live.
 *
 * @param liveUntil When it last was, in milliseconds since 1970; undefined if it never was.
 */
export function doubtOf({ state, reason, silentSince }: FeedStatus, liveUntil?: number): string | undefined {
  const isLive = state === "live";
  const since = isLive ? silentSince : liveUntil;
  const when = since ? ` since ${new Date(since).toLocaleString()}` : "";
  if (!isLive) return `Not live${when}: ${reason}`;
  return when ? `No change${when}` : undefined;
}
