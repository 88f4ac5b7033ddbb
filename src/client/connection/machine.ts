import { renewalOf } from "./token-renewal.ts";
import type { Selection } from "../types.ts";
import type { Cell, Cells, Said } from "./cells.ts";
import { goLive, live } from "./event-handlers.ts";
import {
  AFRESH,
  askForWanted,
  attempt,
  failToOpen,
  hang,
  heed,
  hurry,
  hurryOn,
  hurryUnlessTold,
  lose,
  loseLink,
  mistrust,
  open,
} from "./transitions.ts";
import type { CatchingUp, Context, Event, EventName, Opening, Phase, Step } from "./state.ts";
import { statusOf } from "./status.ts";
import { CATCH_UP_TIMEOUT } from "./timings.ts";

export function begin(wanted: Selection, token: string | undefined, now: number): Phase {
  const reason = "connecting";
  return {
    ...AFRESH,
    name: "waiting",
    status: { state: reason, reason, since: now, retryAt: undefined, code: undefined },
    reason,
    due: Infinity,
    way: 0,
    triedAt: 0,
    staleAt: Infinity,
    token,
    renewAt: Infinity,
    wanted,
  };
}

/** Another frame has come. */
const catchUp = (phase: Opening | CatchingUp, { now }: Context): Step => [
  { ...phase, name: "catchingUp", triedAt: now, due: now + CATCH_UP_TIMEOUT, unopened: 0 },
];

type Wish = "close" | "select";
/** The same in every phase but the last. */
const wishes: Cells<Exclude<Phase["name"], "closed">, Exclude<EventName, Wish>> = {
  close: (phase) => [{ ...phase, name: "closed", reason: "closed", code: undefined, due: Infinity }],
  select: (phase, _, { selection }) => askForWanted({ ...phase, wanted: selection }),
};

/** An attempt that hangs began before these, which are a reason to make another. */
const hurries = { online: hurryOn, woke: hurryOn, reconnect: hurryOn };

const TABLE: { readonly [Name in Phase["name"]]: { readonly [Name in EventName]?: Cell } } = {
  waiting: {
    ...wishes,
    due: attempt,
    online: hurryUnlessTold,
    visible: hurryUnlessTold,
    woke: hurryUnlessTold,
    reconnect: hurry,
    refusal: heed,
  } satisfies Cells<"waiting", "offline" | "token" | "tokenFailed" | Said | "lost">,
  asking: {
    ...wishes,
    ...hurries,
    token: (phase, ctx, { token }) => open({ ...phase, token, renewAt: renewalOf(token, ctx.now) }, ctx),
    tokenFailed: (phase, ctx, { why }) => lose(phase, ctx, why),
    due: (phase, ctx) => lose(phase, ctx, "no token"),
    refusal: heed,
  } satisfies Cells<"asking", "offline" | "visible" | Said | "lost">,
  opening: {
    ...wishes,
    ...hurries,
    heard: catchUp,
    lost: failToOpen,
    due: hang,
    refusal: heed,
  } satisfies Cells<"opening", "offline" | "visible" | "token" | "tokenFailed" | Exclude<Said, "heard">>,
  catchingUp: {
    ...wishes,
    ...hurries,
    heard: catchUp,
    // The view stands at this connection's selection from its first whole message on.
    applied: (phase, ctx, { current }) => (current ? goLive(phase, ctx) : [{ ...phase, reached: phase.selection }]),
    due: hang,
    fault: mistrust,
    lost: loseLink,
  } satisfies Cells<
    "catchingUp",
    "offline" | "visible" | "token" | "tokenFailed" | "authorized" | "complaint" | "refusal"
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
