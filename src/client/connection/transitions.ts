import { isEqual } from "../equal.ts";
import type { Command, Context, EventOf, Memory, Opening, Phase, PhaseOf, Step } from "./state.ts";
import {
  ASK_WHY_EVERY,
  backoff,
  HANGING,
  LATER,
  MIN_DELAY,
  openTimeout,
  SETTLED,
  TOKEN_TIMEOUT,
  TRIES,
} from "./timings.ts";
import { verdictOf, type Verdict } from "./retry-policy.ts";

type Ending = EventOf<"lost" | "refusal">;

export const GONE = "the server does not answer";
/** No losses in a row. */
export const AFRESH = { failures: 0, faults: 0, unopened: 0, rejected: false };

/** Begins an attempt to connect. */
export function attempt(phase: Memory, ctx: Context): Step {
  return ctx.asks
    ? [{ ...phase, name: "asking", triedAt: ctx.now, due: ctx.now + TOKEN_TIMEOUT }, "askToken"]
    : open(phase, ctx);
}

export function open(phase: Memory, { now }: Context): Step {
  const due = now + openTimeout(phase.unopened);
  return [{ ...phase, name: "opening", triedAt: now, due, selection: phase.wanted }, "open"];
}

/** Whether an attempt goes on from the position. That is of a selection, and a second fault in a row puts it in doubt. */
export function resumes({ faults, reached, wanted }: Memory): boolean {
  return faults < 2 && isEqual(reached?.keys, wanted.keys);
}

/** Connects now, or as soon as that makes no tight loop. */
export function hurry(phase: Memory, ctx: Context): Step {
  const due = phase.triedAt + MIN_DELAY;
  return due > ctx.now ? [{ ...phase, name: "waiting", due }] : attempt(phase, ctx);
}

/** Begins anew instead of waiting for an attempt that gets nowhere. */
export function hurryOn(phase: Phase, ctx: Context): Step {
  return ctx.now < phase.triedAt + HANGING ? [phase] : attempt(phase, ctx);
}

/** The same, unless the server has said when to come back. */
export function hurryUnlessTold(phase: PhaseOf<"waiting">, ctx: Context): Step {
  return verdictOf(phase.code) === "later" ? [phase] : hurry(phase, ctx);
}

/**
 * After an attempt or a connection has failed: waits for the next attempt, or ends where none would help.
 * `retryAfter`: milliseconds before which the server does not want to see us.
 */
export function lose(
  before: Phase,
  ctx: Context,
  reason: string,
  verdict: Verdict = "back",
  code?: number,
  retryAfter = 0,
): Step {
  const { now } = ctx;
  const { name, status } = before;
  const phase = { ...before, ...(name === "live" && now >= status.since + SETTLED && AFRESH), reason, code };
  const isRejected = verdict === "token";
  if (verdict === "away" || (isRejected && (!ctx.asks || phase.rejected))) {
    // Until somebody decides to come back; that begins anew.
    return [{ ...phase, ...AFRESH, name: "refused", due: Infinity }];
  }
  const failures = verdict === "later" ? Math.max(phase.failures, LATER) : phase.failures;
  return [
    {
      ...phase,
      name: "waiting",
      due: now + Math.max(retryAfter, backoff(failures, ctx.random)),
      failures: failures + 1,
      faults: phase.faults + Number(verdict === "fault"),
      rejected: phase.rejected || isRejected,
      staleAt: Math.min(phase.staleAt, now + ctx.staleAfter),
    },
  ];
}

/** What came was wrong. */
export function mistrust(phase: Phase, ctx: Context, { why }: EventOf<"fault">): Step {
  return lose(phase, ctx, why, "fault");
}

/** Nobody is there, or something on the way swallows what is said: another transport may get through. */
export function hang(phase: Phase, ctx: Context): Step {
  const { unopened, way } = phase;
  const next = { ...phase, unopened: unopened - (unopened % TRIES) + TRIES, way: way + 1 };
  return lose(next, ctx, GONE);
}

/** The link has ended by itself, or there is none for us. */
export function loseLink(before: Phase, ctx: Context, { code, reason, retryAfter }: Ending): Step {
  // A server goes away, or the first transport works again: it is tried before the others.
  const phase = code === 1001 ? { ...before, way: 0 } : before;
  const why = code === 1012 ? "the server restarts" : reason || "the connection was lost";
  return lose(phase, ctx, `${why} (${code})`, verdictOf(code), code, retryAfter);
}

/** A link that never opened does not say why, in most cases: then that has to be asked. */
export function failToOpen(phase: Opening, ctx: Context, event: Ending): Step {
  const { unopened, rejected, way } = phase;
  const count = unopened + 1;
  const [next] = loseLink({ ...phase, unopened: count, way: way + Number(count % TRIES === 0) }, ctx, event);
  const asks = verdictOf(event.code) === "back" && (rejected || unopened % ASK_WHY_EVERY === 0);
  return asks ? [next, "probe"] : [next];
}

/** Does as the server said when it was asked over HTTP. */
export function heed(phase: Phase, ctx: Context, event: Ending): Step {
  const verdict = verdictOf(event.code);
  if (verdict === "back") return [phase];
  // Another token is asked for before the next attempt in any case.
  if (verdict === "token" && ctx.asks && !phase.rejected) return [{ ...phase, rejected: true }];
  return loseLink(phase, ctx, event);
}

/** Selects what is wanted on the live connection, unless it is there, or an earlier wish has to be answered first. */
export function askForWanted(phase: Phase, ...commands: Command[]): Step {
  // Where it is not live, the address of the next connection has it, or it is asked for then.
  if (phase.name !== "live" || phase.asked) return [phase, ...commands];
  const { wanted, reached } = phase;
  return isEqual(reached, wanted)
    ? [phase, ...commands, "selected"]
    : [{ ...phase, asked: wanted }, ...commands, "subscribe"];
}
