import { isEqual } from "../equal.ts";
import type { FeedState, FeedStatus } from "../types.ts";
import type { Context, Phase } from "./state.ts";

/** The status that a connection shows: the same object as before where nothing of it has changed. */
export function statusOf(phase: Phase, ctx: Context): FeedStatus {
  const { status, name, reason, code, due } = phase;
  const state = stateOf(phase, ctx);
  const next: FeedStatus = {
    state,
    reason,
    since: state === status.state ? status.since : ctx.now,
    retryAt: name === "waiting" ? due : undefined,
    code,
  };
  return isEqual(next, status) ? status : next;
}

function stateOf({ name, failures, reached, staleAt }: Phase, { now, online }: Context): FeedState {
  if (name === "live" || name === "closed") return name;
  if (name === "refused") return "closed";
  // Also during an attempt that is made in spite of it.
  if (!online && failures > 0) return "offline";
  if (reached === undefined) return "connecting";
  return now < staleAt ? "recovering" : "stale";
}
