import { renewalAt, renewalOf } from "./token-renewal.ts";
import type { Cells } from "./cells.ts";
import { askForWanted, GONE, hang, lose, loseLink, mistrust } from "./transitions.ts";
import type { CatchingUp, Context, Live, Step } from "./state.ts";
import { backoff, FIRST_PING, LATER, PONG_TIMEOUT, PONG_TIMEOUT_OFFLINE, SILENCE, TOKEN_TIMEOUT } from "./timings.ts";

/** Everything is here. This ping measures a page that is still starting; the next one the line. */
export function goLive(phase: CatchingUp, { now }: Context): Step {
  return askForWanted(
    {
      ...phase,
      name: "live",
      reason: "connected",
      code: undefined,
      due: now + FIRST_PING,
      staleAt: Infinity,
      reached: phase.selection,
      asked: undefined,
      heardAt: now,
      pinged: false,
    },
    "ping",
  );
}

/** A half-open socket swallows what is sent and never closes. */
const ping = (phase: Live, { now, online }: Context): Step => [
  { ...phase, pinged: true, due: now + (online ? PONG_TIMEOUT : PONG_TIMEOUT_OFFLINE) },
  "ping",
];

/** One timer that looks back, instead of one that every message would have to push forward. */
function look(phase: Live, ctx: Context): Step {
  const { now, visible } = ctx;
  // One that does not come in time is asked for once more.
  if (phase.renewAt <= now) return [{ ...phase, renewAt: now + TOKEN_TIMEOUT }, "askToken"];
  // What let only the beginning through may do so again; what worked for a while is worth another try.
  if (phase.pinged) return phase.heardAt > phase.status.since ? lose(phase, ctx, GONE) : hang(phase, ctx);
  const due = phase.heardAt + SILENCE;
  // Who looks at a page is shown the latency as it is now.
  return visible || due <= now ? ping(phase, ctx) : [{ ...phase, due }];
}

/** A selection that the server refuses changes nothing: what was selected before stands, unless another came since. */
function unselect(phase: Live, why: string): Step {
  const { wanted, reached } = phase;
  const answered = { ...phase, asked: undefined };
  return wanted === phase.asked ? [{ ...answered, wanted: reached }, { refused: why }] : askForWanted(answered);
}

export const live: Cells<"live", "refusal" | "close" | "select"> = {
  heard: (phase, { now }) => [{ ...phase, heardAt: now, pinged: false }],
  applied: (phase, _, { batch }) =>
    phase.asked && batch.reason === "subscribe"
      ? askForWanted({ ...phase, reached: phase.asked, asked: undefined })
      : [phase],
  complaint: (phase, _, { why }) => (phase.asked ? unselect(phase, why) : [phase]),
  // One that does not say when it ends does not end.
  authorized: (phase, { now }, { expires }) => [{ ...phase, renewAt: renewalAt(expires, now) }],
  due: look,
  // Whatever happened to the network or the machine, only an answer proves that the connection works.
  online: ping,
  offline: ping,
  visible: ping,
  reconnect: ping,
  woke: (phase, ctx) => ping(ctx.asks ? { ...phase, renewAt: ctx.now } : phase, ctx),
  token(phase, { now }, { token }) {
    const next = { ...phase, reason: "connected", renewAt: renewalOf(token, now) };
    return token === undefined || token === phase.token ? [next] : [{ ...next, token }, "authorize"];
  },
  tokenFailed: (phase, { now, random }, { why }) => [{ ...phase, reason: why, renewAt: now + backoff(LATER, random) }],
  fault: mistrust,
  lost: loseLink,
};
