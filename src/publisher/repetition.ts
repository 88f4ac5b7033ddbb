/**
 * A feed remembers an Idempotency-Key for ten minutes. A request may arrive minutes after it was sent, which it must do
 * within them: so for so long after the first one it is sent again, and never later than the second of these
 * (milliseconds).
 */
const RETRIED_MS = 8 * 60_000;
const SENT_MS = RETRIED_MS + 30_000;

/** When a request was sent, and for whom. */
export interface Sending {
  /** Milliseconds since 1970. This clock can be set back; the other may stand still while the machine sleeps. */
  readonly time: number;
  readonly ticks: number;
  readonly identity: string;
}

export function sendingWith(key: string | undefined): Sending {
  return { time: Date.now(), ticks: performance.now(), identity: identityOf(key) };
}

/** Milliseconds for which the request that is in doubt may still be repeated. */
export function leftToRetry(doubt: Sending): number {
  return RETRIED_MS - elapsed(doubt);
}

/**
 * Why another request could be applied beside the one in doubt: it would not be recognised as a repetition. Nothing where
 * it would.
 */
export function hindrance(doubt: Sending, next: Sending): string | undefined {
  if (elapsed(doubt) > SENT_MS) return "the server may have forgotten the first attempt";
  return doubt.identity === next.identity ? undefined : "the key is of another identity than that of the first attempt";
}

function elapsed({ time, ticks }: Sending): number {
  return Math.max(Date.now() - time, performance.now() - ticks);
}

/**
 * Each holder's idempotency keys are kept apart. One of a token is its subject, or this token alone where it names none;
 * static keys are rotated, and count as one holder's.
 */
function identityOf(key = ""): string {
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
