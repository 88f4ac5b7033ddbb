import { IDEMPOTENCY_WINDOW } from "../protocol/limits.ts";

/**
 * When a request may be repeated (milliseconds after the first one was sent). A request may arrive minutes after it was
 * sent, and has to arrive while the feed still remembers its Idempotency-Key: it is repeated until the first of these, and
 * is never sent later than the second.
 */
const REPEATED_MS = IDEMPOTENCY_WINDOW - 2 * 60_000;
const SENT_MS = REPEATED_MS + 30_000;

/** A request that was sent: when, and by which principal. */
export interface SentRequest {
  /** Milliseconds since 1970. This clock can be set back; the other may stand still while the machine sleeps. */
  readonly time: number;
  readonly ticks: number;
  readonly principal: string;
}

export function sentNow(key: string | undefined): SentRequest {
  return { time: Date.now(), ticks: performance.now(), principal: principalOf(key) };
}

/** Milliseconds for which a request that may have been applied may still be repeated. */
export function timeToRepeat(first: SentRequest): number {
  return REPEATED_MS - elapsed(first);
}

/** Why the feed might not recognise `next` as a repetition, and apply it as well; undefined if it recognises it. */
export function whyNoRepetition(first: SentRequest, next: SentRequest): string | undefined {
  if (elapsed(first) > SENT_MS) return "the server may have forgotten the first attempt";
  return first.principal === next.principal
    ? undefined
    : "the key is of another identity than that of the first attempt";
}

function elapsed({ time, ticks }: SentRequest): number {
  return Math.max(Date.now() - time, performance.now() - ticks);
}

/**
 * The feed keeps each principal's idempotency keys apart. The principal of a token is its subject, or this token alone if it
 * names none; static keys are rotated, and count as one principal.
 */
function principalOf(key = ""): string {
  try {
    const [, payload = ""] = key.split(".");
    const { iss, sub }: { iss?: unknown; sub?: unknown } = JSON.parse(
      atob(payload.replaceAll("-", "+").replaceAll("_", "/")),
    );
    return sub ? JSON.stringify([iss, sub]) : key;
  } catch {
    return "";
  }
}
