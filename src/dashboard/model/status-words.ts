import type { FeedState, FeedStatus } from "../../client/types.ts";
import { formatAge } from "./format.ts";

/** A connection's state for people. */
export interface StateWords {
  readonly label: string;
  /** Why, and what will happen next, as of now. Empty where all is well. */
  readonly detail: string;
}

const LABELS: Readonly<Record<FeedState, string>> = {
  connecting: "Connecting",
  live: "Live",
  recovering: "Reconnecting",
  stale: "Not live",
  offline: "Offline",
  closed: "Closed",
};

/** `now` in milliseconds since 1970. */
export function wordsOf(status: FeedStatus, now: number): StateWords {
  const label = LABELS[status.state];
  if (status.state === "live") return { label, detail: "" };
  return { label, detail: [status.reason, nextAttempt(status, now)].filter((part) => part !== "").join(" · ") };
}

function nextAttempt({ state, retryAt }: FeedStatus, now: number): string {
  if (state === "offline") return "goes on when the network is back";
  if (state === "closed") return "";
  if (retryAt === undefined) return state === "connecting" ? "" : "trying now";
  return `next try in ${Math.max(1, Math.ceil((retryAt - now) / 1000))} s`;
}

/** How old what is shown is, or nothing while it is live. `liveAt`: when it was last known to be right. */
export function staleness(state: FeedState, liveAt: number | undefined, now: number): string | undefined {
  if (state === "live" || liveAt === undefined) return undefined;
  return formatAge(Math.max(0, now - liveAt));
}
