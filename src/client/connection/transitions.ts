import {
  ATTEMPTS_PER_PROBE,
  backoff,
  GOOD_AFTER,
  LATER,
  MIN_DELAY,
  openTimeout,
  retryPolicyOf,
  TRIES,
  type RetryPolicy,
} from "../../connecting/retry-policy.ts";
import { isEqual } from "../equal.ts";
import { FIRST_PING, HANGING, TOKEN_TIMEOUT } from "./timings.ts";
import type { CatchingUp, Command, Context, EventOf, Opening, Phase, PhaseData, PhaseOf, Transition } from "./state.ts";

type Ending = EventOf<"lost" | "probeAnswer">;

export const NO_ANSWER = "the server does not answer";
export const NO_FAILURES = { failures: 0, faults: 0, unopened: 0, rejected: false };

// Towards a connection.

/** Begins an attempt to connect: with a token, if the user gave a function to ask for one. */
export function beginAttempt(phase: PhaseData, ctx: Context): Transition {
  return ctx.asks
    ? [{ ...phase, name: "asking", triedAt: ctx.now, due: ctx.now + TOKEN_TIMEOUT }, "askToken"]
    : openLink(phase, ctx);
}

export function openLink(phase: PhaseData, { now }: Context): Transition {
  const due = now + openTimeout(phase.unopened);
  return [{ ...phase, name: "opening", triedAt: now, due, selection: phase.wanted }, "open"];
}

/** Connects now, or as soon as that makes no tight loop. */
export function reconnectSoon(phase: PhaseData, ctx: Context): Transition {
  const due = phase.triedAt + MIN_DELAY;
  return due > ctx.now ? [{ ...phase, name: "waiting", due }] : beginAttempt(phase, ctx);
}

/** The same, unless the server has said when to come back. */
export function reconnectSoonIfAllowed(phase: PhaseOf<"waiting">, ctx: Context): Transition {
  return retryPolicyOf(phase.code) === "retryLater" ? [phase] : reconnectSoon(phase, ctx);
}

/** Begins a new attempt instead of waiting for one that hangs. */
export function replaceHangingAttempt(phase: Phase, ctx: Context): Transition {
  return ctx.now < phase.triedAt + HANGING ? [phase] : beginAttempt(phase, ctx);
}

/** Whether to resume. The position holds for one selection of keys and fields; two protocol errors in a row put it in doubt. */
export function resumes({ faults, reached, wanted }: PhaseData): boolean {
  return faults < 2 && isEqual(reached?.keys, wanted.keys) && isEqual(reached?.fields, wanted.fields);
}

/** The view is up to date. This ping measures a page that is still starting; the next one the line. */
export function goLive(phase: CatchingUp, { now }: Context): Transition {
  return sendWanted(
    {
      ...phase,
      name: "live",
      reason: "connected",
      code: undefined,
      due: now + FIRST_PING,
      staleAt: Infinity,
      reached: phase.selection,
      sent: undefined,
      heardAt: now,
      pinged: false,
    },
    "ping",
  );
}

/** Sends the wanted selection over the live connection, unless it is there, or an earlier one is not answered yet. */
export function sendWanted(phase: Phase, ...commands: Command[]): Transition {
  // When it is not live, the URL of the next attempt has the selection, or it is sent then.
  if (phase.name !== "live" || phase.sent) return [phase, ...commands];
  const { wanted, reached } = phase;
  return isEqual(reached, wanted)
    ? [phase, ...commands, "selected"]
    : [{ ...phase, sent: wanted }, ...commands, "subscribe"];
}

// Away from one.

/**
 * After an attempt or a connection has failed: waits for the next attempt, or stops if none would help.
 * `retryAfter`: milliseconds before which the server does not want to see us.
 */
export function fail(
  before: Phase,
  ctx: Context,
  reason: string,
  policy: RetryPolicy = "retry",
  code?: number,
  retryAfter = 0,
): Transition {
  const { now } = ctx;
  const { name, status } = before;
  const phase = { ...before, ...(name === "live" && now >= status.since + GOOD_AFTER && NO_FAILURES), reason, code };
  const isRejected = policy === "token";
  if (policy === "stop" || (isRejected && (!ctx.asks || phase.rejected))) {
    // Until the user reconnects. That begins without failures.
    return [{ ...phase, ...NO_FAILURES, name: "refused", due: Infinity }];
  }
  const failures = policy === "retryLater" ? Math.max(phase.failures, LATER) : phase.failures;
  return [
    {
      ...phase,
      name: "waiting",
      due: now + Math.max(retryAfter, backoff(failures, ctx.random)),
      failures: failures + 1,
      faults: phase.faults + Number(policy === "protocolError"),
      rejected: phase.rejected || isRejected,
      staleAt: Math.min(phase.staleAt, now + ctx.staleAfter),
    },
  ];
}

export function onProtocolError(phase: Phase, ctx: Context, { why }: EventOf<"protocolError">): Transition {
  return fail(phase, ctx, why, "protocolError");
}

/** The link has ended by itself. */
export function onLost(before: Phase, ctx: Context, { code, reason, retryAfter }: Ending): Transition {
  // The server goes away, or the first transport works again: that one is tried before the others.
  const phase = code === 1001 ? { ...before, transport: 0 } : before;
  const why = code === 1012 ? "the server restarts" : reason || "the connection was lost";
  return fail(phase, ctx, `${why} (${code})`, retryPolicyOf(code), code, retryAfter);
}

/** No server, or something on the way swallows what is sent: another transport may get through. */
export function onNoAnswer(phase: Phase, ctx: Context): Transition {
  const { unopened, transport } = phase;
  const next = { ...phase, unopened: unopened - (unopened % TRIES) + TRIES, transport: transport + 1 };
  return fail(next, ctx, NO_ANSWER);
}

/** A link that never opened does not say why, in most cases: then a probe asks. */
export function onFailedAttempt(phase: Opening, ctx: Context, event: Ending): Transition {
  const { unopened, rejected, transport } = phase;
  const count = unopened + 1;
  const [lost] = onLost({ ...phase, unopened: count, transport: transport + Number(count % TRIES === 0) }, ctx, event);
  const next = event.reason ? lost : { ...lost, ...phase.found };
  const probes = retryPolicyOf(event.code) === "retry" && (rejected || unopened % ATTEMPTS_PER_PROBE === 0);
  return probes ? [next, "probe"] : [next];
}

/** Follows what the server answered when it was asked over HTTP. */
export function onProbeAnswer(phase: Phase, ctx: Context, event: EventOf<"probeAnswer">): Transition {
  const { code, reason } = event;
  const policy = retryPolicyOf(code);
  if (policy === "retry" || event.isGuess) {
    const found = reason ? { reason: `${reason} (${code})`, code } : undefined;
    return [{ ...phase, ...found, found }];
  }
  // Another token is asked for before the next attempt in any case.
  if (policy === "token" && ctx.asks && !phase.rejected) return [{ ...phase, rejected: true }];
  return onLost(phase, ctx, event);
}
