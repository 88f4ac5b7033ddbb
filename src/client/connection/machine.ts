import { NO_FAILURES } from "./transitions.ts";
import { EVENT_HANDLERS } from "./event-handlers.ts";
import { isEqual } from "../equal.ts";
import { firstStatus } from "../first-status.ts";
import type { AnySelection } from "../selection.ts";
import type { FeedState, FeedStatus } from "../types.ts";
import type { CatchingUp, ConnectionEvent, Context, Live, Opening, Phase, Transition } from "./state.ts";

/** The phase of a connection that was never tried. */
export function initialPhase(wanted: AnySelection, token: string | undefined, now: number): Phase {
  const status = firstStatus("connecting", now);
  return {
    ...NO_FAILURES,
    name: "waiting",
    status,
    reason: status.reason,
    due: Infinity,
    transport: 0,
    triedAt: 0,
    staleAt: Infinity,
    token,
    renewAt: Infinity,
    wanted,
  };
}

/** What an event makes of a connection, and what to do about it. Pure: time and chance come with `ctx`. */
export function transition(before: Phase, event: ConnectionEvent, ctx: Context): Transition {
  // The timer may also fire for the status alone.
  const isEarly = event.type === "due" && ctx.now < goesOnAt(before);
  const [phase, ...commands] = (!isEarly && EVENT_HANDLERS[before.name][event.type]?.(before, ctx, event)) || [before];
  return [{ ...phase, status: statusOf(phase, ctx) }, ...commands];
}

function goesOnAt({ name, due, renewAt }: Phase): number {
  return name === "live" ? Math.min(due, renewAt) : due;
}

/** When the connection, or its status, next goes on by itself; `Infinity` if it waits for nothing. */
export function nextDue(phase: Phase): number {
  return phase.status.state === "recovering" ? Math.min(phase.due, phase.staleAt) : goesOnAt(phase);
}

/** Whether a phase has a link to the server. */
export function isLinked(phase: Phase): phase is Opening | CatchingUp | Live {
  const { name } = phase;
  return name === "opening" || name === "catchingUp" || name === "live";
}

/** The status that a connection shows: the same object as before if nothing of it has changed. */
export function statusOf(phase: Phase, ctx: Context): FeedStatus {
  const { status, name, reason, code, due } = phase;
  const state = stateOf(phase, ctx);
  const next: FeedStatus = {
    state,
    reason,
    since: state === status.state ? status.since : ctx.now,
    retryAt: name === "waiting" ? due : undefined,
    code,
    silentSince: name === "live" ? ctx.silentSince : undefined,
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
