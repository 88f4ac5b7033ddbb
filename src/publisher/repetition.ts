import { claimsOf } from "../connecting/token.ts";
import { IDEMPOTENCY_WINDOW } from "../protocol/limits.ts";

/**
 * When a batch may be repeated (milliseconds after it was first sent). What is sent may arrive minutes later, and has to
 * arrive while the feed still remembers the session: it is repeated until the first of these, and is never sent later than
 * the second.
 */
const REPEATED_MS = IDEMPOTENCY_WINDOW - 2 * 60_000;
const SENT_MS = REPEATED_MS + 30_000;
/**
 * A session that was not used for so long is left for a new one (milliseconds). The feed forgets one some time after its
 * last use: what is sent now has to find it there for as long as it is repeated.
 */
const SESSION_IDLE_MS = IDEMPOTENCY_WINDOW - SENT_MS - 30_000;

/** When something was sent, and by which principal. */
export interface SentRequest {
  /** Milliseconds since 1970. This clock can be set back; the other may stand still while the machine sleeps. */
  readonly time: number;
  readonly ticks: number;
  readonly principal: string;
}

export function sentNow(key: string | undefined): SentRequest {
  return { time: Date.now(), ticks: performance.now(), principal: principalOf(key) };
}

/** Milliseconds for which what may have been applied may still be repeated. */
export function timeToRepeat(first: SentRequest, now: SentRequest): number {
  return REPEATED_MS - elapsed(first, now);
}

/** Why the feed might not recognise `next` as a repetition, and apply it as well; undefined if it recognises it. */
export function whyNoRepetition(first: SentRequest, next: SentRequest): string | undefined {
  if (elapsed(first, next) > SENT_MS) return "the server may have forgotten the first attempt";
  return first.principal === next.principal
    ? undefined
    : "the key is of another identity than that of the first attempt";
}

/** Whether a session that was last used then can take what is sent next. */
export function isOfUse(last: SentRequest, next: SentRequest): boolean {
  return last.principal === next.principal && elapsed(last, next) < SESSION_IDLE_MS;
}

function elapsed(from: SentRequest, to: SentRequest): number {
  return Math.max(to.time - from.time, to.ticks - from.ticks);
}

/**
 * The feed keeps each principal's publishes apart. The principal of a token is its subject, or this token alone if it names
 * none; static keys are rotated, and count as one principal.
 */
export function principalOf(key = ""): string {
  // Asked at each sending, and most keys are no tokens.
  if (!key.includes(".")) return "";
  const claims = claimsOf(key);
  if (!claims) return "";
  const { iss, sub } = claims;
  return sub ? JSON.stringify([iss, sub]) : key;
}
