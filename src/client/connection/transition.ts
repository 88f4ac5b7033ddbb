import { renewalOf } from "../token.ts";
import type { Selection } from "../types.ts";
import type { Cell, Cells, Said, Sign } from "./cells.ts";
import { giveUp, goLive, live } from "./live.ts";
import {
  AFRESH,
  askForWanted,
  attempt,
  failToOpen,
  heed,
  hurry,
  hurryUnlessTold,
  lose,
  loseLink,
  mistrust,
  open,
} from "./moves.ts";
import type { CatchingUp, Context, Event, EventName, Opening, Phase, Step } from "./state.ts";
import { statusOf } from "./status.ts";
import { CATCH_UP_TIMEOUT } from "./times.ts";

export function begin(wanted: Selection, token: string | undefined, now: number): Phase {
  const reason = "connecting";
  return {
    ...AFRESH,
    name: "waiting",
    status: { state: reason, reason, since: now, retryAt: undefined, code: undefined },
    reason,
    due: Infinity,
    triedAt: 0,
    staleAt: Infinity,
    token,
    renewAt: Infinity,
    wanted,
  };
}

/** Another frame has come, or the first can. */
const catchUp = (phase: Opening | CatchingUp, { now }: Context): Step => [
  { ...phase, name: "catchingUp", due: now + CATCH_UP_TIMEOUT, unopened: 0 },
];

type Wish = "close" | "select";
/** The same in every phase but the last. */
const wishes: Cells<Exclude<Phase["name"], "closed">, Exclude<EventName, Wish>> = {
  close: (phase) => [{ ...phase, name: "closed", reason: "closed", code: undefined, due: Infinity }],
  select: (phase, _, { selection }) => askForWanted({ ...phase, wanted: selection }),
};

const TABLE: { readonly [Name in Phase["name"]]: { readonly [Name in EventName]?: Cell } } = {
  waiting: {
    ...wishes,
    due: attempt,
    online: hurryUnlessTold,
    visible: hurryUnlessTold,
    woke: hurryUnlessTold,
    reconnect: hurry,
    refusal: heed,
  } satisfies Cells<"waiting", "offline" | "token" | "tokenFailed" | "opened" | Said | "lost">,
  asking: {
    ...wishes,
    token: (phase, ctx, { token }) => open({ ...phase, token, renewAt: renewalOf(token, ctx.now) }, ctx),
    tokenFailed: (phase, ctx, { why }) => lose(phase, ctx, why),
    due: (phase, ctx) => lose(phase, ctx, "no token"),
    refusal: heed,
  } satisfies Cells<"asking", Sign | "reconnect" | "opened" | Said | "lost">,
  opening: {
    ...wishes,
    opened: catchUp,
    lost: failToOpen,
    due: giveUp,
    refusal: heed,
  } satisfies Cells<"opening", Sign | "reconnect" | "token" | "tokenFailed" | Said>,
  catchingUp: {
    ...wishes,
    heard: catchUp,
    // The view stands at this connection's selection from its first whole message on.
    applied: (phase, ctx, { current }) => (current ? goLive(phase, ctx) : [{ ...phase, reached: phase.selection }]),
    due: giveUp,
    fault: mistrust,
    lost: loseLink,
  } satisfies Cells<
    "catchingUp",
    Sign | "reconnect" | "token" | "tokenFailed" | "opened" | "authorized" | "complaint" | "refusal"
  >,
  live: { ...wishes, ...live },
  // Until somebody decides to try again.
  refused: { ...wishes, reconnect: hurry } satisfies Cells<"refused", Exclude<EventName, "reconnect" | Wish>>,
  closed: {},
};

/** What an event makes of a connection, and what is to be done about it. Pure: time and chance come with `ctx`. */
export function transition(before: Phase, event: Event, ctx: Context): Step {
  // A time may also come for the status alone.
  const isEarly = event.type === "due" && ctx.now < goesOnAt(before);
  const [phase, ...commands] = (!isEarly && TABLE[before.name][event.type]?.(before, ctx, event)) || [before];
  return [{ ...phase, status: statusOf(phase, ctx) }, ...commands];
}

function goesOnAt({ name, due, renewAt }: Phase): number {
  return name === "live" ? Math.min(due, renewAt) : due;
}

/** When the connection, or what it shows, next goes on by itself; infinite where it waits for nothing. */
export function nextDue(phase: Phase): number {
  return phase.status.state === "recovering" ? Math.min(phase.due, phase.staleAt) : goesOnAt(phase);
}

/** Whether a phase has a link to the server. */
export function isLinked({ name }: Phase): boolean {
  return name === "opening" || name === "catchingUp" || name === "live";
}
