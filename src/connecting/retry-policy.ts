/** Milliseconds between two attempts, whatever happens. */
export const MIN_DELAY = 250;
const MAX_DELAY = 30_000;
/** The failures in a row that `retryLater` counts as: the delay is drawn from up to 8 s. */
export const LATER = 3;
/** Attempts in a row that fail to open, after which the next transport is tried; after one without any answer it is at once. */
export const TRIES = 2;
/** One probe for so many attempts in a row that never opened: each probe costs a request. */
export const ATTEMPTS_PER_PROBE = 4;
/** Milliseconds until an attempt's first frame, while every transport is tried for the first time. */
const OPEN_TIMEOUT = 4_000;
/** Milliseconds after which a live connection counts as good: a client must not hammer a server that cuts at once. */
export const GOOD_AFTER = 5_000;

/** What a client does when a connection ends, or the server refuses it over HTTP. */
export type RetryPolicy =
  | "retry"
  /** As `retry`, but not soon: the server has too much to do. */
  | "retryLater"
  /** With another token. */
  | "token"
  /** What came was wrong: after the second time in a row, without the position. */
  | "protocolError"
  | "stop";

/** Close codes from 4000 on are HTTP statuses of the same meaning. A 4xx means `stop`, except 429 and a proxy's timeout (408). */
export function retryPolicyOf(code = 0): RetryPolicy {
  const status = code % 4000;
  if (status === 429 || status === 503) return "retryLater";
  if (status === 401) return "token";
  return status >= 400 && status < 500 && status !== 408 ? "stop" : "retry";
}

/**
 * Milliseconds to the next attempt: full jitter over a range that grows with the failures in a row, up to `max`, so that the
 * clients of a restarted server spread out.
 */
export function backoff(failures: number, random: number, max = MAX_DELAY): number {
  return Math.round(MIN_DELAY + random * (Math.min(max, 4 * MIN_DELAY * 2 ** failures) - MIN_DELAY));
}

/**
 * Milliseconds that an attempt has until its first frame. Short at first: something on the way may swallow it, and another
 * transport gets through. If none has, the line may be that slow.
 */
export function openTimeout(unopened: number): number {
  return OPEN_TIMEOUT * 2 ** Math.min(2, Math.floor(unopened / (3 * TRIES)));
}
