import * as to from "./transitions.ts";
import { renewalAt, tokenExpiry } from "../../connecting/token.ts";
import { CATCH_UP_TIMEOUT, PONG_TIMEOUT, PONG_TIMEOUT_OFFLINE, SILENCE, TOKEN_TIMEOUT } from "./timings.ts";
import { backoff, LATER } from "../../connecting/retry-policy.ts";
import type { CatchingUp, ConnectionEvent, Context, EventName, EventOf, Live, Opening } from "./state.ts";
import type { Phase, PhaseName, PhaseOf, Transition } from "./state.ts";

/** How one phase handles each event but those it names as ignored: a new event does not compile until all have it. */
type Handlers<Name extends PhaseName, Ignored extends EventName> = {
  readonly [E in Exclude<EventName, Ignored>]: (phase: PhaseOf<Name>, ctx: Context, event: EventOf<E>) => Transition;
};

/** Any of them. As a method, because the table in which they are looked up ensures that phase and event fit. */
type Handler = { handle(phase: Phase, ctx: Context, event: ConnectionEvent): Transition }["handle"];

/** Events that come over an open link only. */
type LinkEvent = "heard" | "applied" | "protocolError" | "authorized" | "selectRefused";
type TokenEvent = "token" | "tokenFailed";
type UserEvent = "close" | "select";

/** The same in every phase but `closed`. */
const always: Handlers<Exclude<PhaseName, "closed">, Exclude<EventName, UserEvent>> = {
  close: (phase) => [{ ...phase, name: "closed", reason: "closed", code: undefined, due: Infinity }],
  select: (phase, _, { selection }) => to.sendWanted({ ...phase, wanted: selection }),
};

/** The same during every attempt. `online`, `woke` and `reconnect` are reasons to replace one that hangs. */
const duringAttempt = {
  ...always,
  online: to.replaceHangingAttempt,
  woke: to.replaceHangingAttempt,
  reconnect: to.replaceHangingAttempt,
};

/** Another frame has come. */
const catchUp = (phase: Opening | CatchingUp, { now }: Context): Transition => [
  { ...phase, name: "catchingUp", triedAt: now, due: now + CATCH_UP_TIMEOUT, unopened: 0, found: undefined },
];

/** A half-open socket swallows what is sent and never closes. */
const ping = (phase: Live, { now, online }: Context): Transition => [
  { ...phase, pinged: true, due: now + (online ? PONG_TIMEOUT : PONG_TIMEOUT_OFFLINE) },
  "ping",
];

/** One timer that looks back, instead of one that every message would have to move. */
function onDueWhileLive(phase: Live, ctx: Context): Transition {
  const { now, visible } = ctx;
  // A token that does not come in time is asked for once more.
  if (phase.renewAt <= now) return [{ ...phase, renewAt: now + TOKEN_TIMEOUT }, "askToken"];
  if (phase.pinged) {
    // A transport that let only the beginning through may do so again; one that worked for a while is worth another try.
    return phase.heardAt > phase.status.since ? to.fail(phase, ctx, to.NO_ANSWER) : to.onNoAnswer(phase, ctx);
  }
  const due = phase.heardAt + SILENCE;
  // A page that is visible shows the latency as it is now.
  return visible || due <= now ? ping(phase, ctx) : [{ ...phase, due }];
}

/** A selection that the server refuses changes nothing: the one before stands, unless the user wants another by now. */
function onSelectRefused(phase: Live, why: string): Transition {
  const { wanted, reached } = phase;
  const answered = { ...phase, sent: undefined };
  return wanted === phase.sent ? [{ ...answered, wanted: reached }, { refused: why }] : to.sendWanted(answered);
}

export const EVENT_HANDLERS: { readonly [Name in PhaseName]: { readonly [E in EventName]?: Handler } } = {
  waiting: {
    ...always,
    due: to.beginAttempt,
    online: to.reconnectSoonIfAllowed,
    visible: to.reconnectSoonIfAllowed,
    woke: to.reconnectSoonIfAllowed,
    reconnect: to.reconnectSoon,
    probeAnswer: to.onProbeAnswer,
  } satisfies Handlers<"waiting", "offline" | TokenEvent | LinkEvent | "lost">,

  asking: {
    ...duringAttempt,
    token: (phase, ctx, { token }) =>
      to.openLink({ ...phase, token, renewAt: renewalAt(tokenExpiry(token), ctx.now) }, ctx),
    tokenFailed: (phase, ctx, { why }) => to.fail(phase, ctx, why),
    due: (phase, ctx) => to.fail(phase, ctx, "no token"),
    probeAnswer: to.onProbeAnswer,
  } satisfies Handlers<"asking", "offline" | "visible" | LinkEvent | "lost">,

  opening: {
    ...duringAttempt,
    heard: catchUp,
    lost: to.onFailedAttempt,
    due: to.onNoAnswer,
    probeAnswer: to.onProbeAnswer,
  } satisfies Handlers<"opening", "offline" | "visible" | TokenEvent | Exclude<LinkEvent, "heard">>,

  catchingUp: {
    ...duringAttempt,
    heard: catchUp,
    // The view's entries are of this connection's selection from its first whole message on.
    applied: (phase, ctx, { current }) => (current ? to.goLive(phase, ctx) : [{ ...phase, reached: phase.selection }]),
    due: to.onNoAnswer,
    protocolError: to.onProtocolError,
    lost: to.onLost,
  } satisfies Handlers<
    "catchingUp",
    "offline" | "visible" | TokenEvent | "authorized" | "selectRefused" | "probeAnswer"
  >,

  live: {
    ...always,
    heard: (phase, { now }) => [{ ...phase, heardAt: now, pinged: false }],
    applied: (phase, _, { batch }) =>
      phase.sent && batch.reason === "subscribe"
        ? to.sendWanted({ ...phase, reached: phase.sent, sent: undefined })
        : [phase],
    selectRefused: (phase, _, { why }) => (phase.sent ? onSelectRefused(phase, why) : [phase]),
    // A token without an expiry is not renewed.
    authorized: (phase, { now }, { expires }) => [{ ...phase, renewAt: renewalAt(expires, now) }],
    due: onDueWhileLive,
    // Whatever happened to the network or the machine, only an answer proves that the connection works.
    online: ping,
    offline: ping,
    visible: ping,
    reconnect: ping,
    woke: (phase, ctx) => ping(ctx.asks ? { ...phase, renewAt: ctx.now } : phase, ctx),
    token(phase, { now }, { token }) {
      const next = { ...phase, reason: "connected", renewAt: renewalAt(tokenExpiry(token), now) };
      return token === undefined || token === phase.token ? [next] : [{ ...next, token }, "authorize"];
    },
    tokenFailed: (phase, { now, random }, { why }) => [
      { ...phase, reason: why, renewAt: now + backoff(LATER, random) },
    ],
    protocolError: to.onProtocolError,
    lost: to.onLost,
  } satisfies Handlers<"live", "probeAnswer">,

  // Until the user reconnects.
  refused: { ...always, reconnect: to.reconnectSoon } satisfies Handlers<
    "refused",
    Exclude<EventName, "reconnect" | UserEvent>
  >,

  closed: {},
};
