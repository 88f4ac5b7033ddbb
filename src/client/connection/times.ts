// Milliseconds, but for the counts.

/** Between two attempts, whatever happens. */
export const MIN_DELAY = 250;
const MAX_DELAY = 30_000;
export const OPEN_TIMEOUT = 10_000;
export const TOKEN_TIMEOUT = 20_000;
export const PROBE_TIMEOUT = 10_000;
/** Without a frame while catching up: one frame may have 1 MiB, and the line may be slow. */
export const CATCH_UP_TIMEOUT = 60_000;
/** Without a frame, after which a ping finds out whether anybody is there. */
export const SILENCE = 20_000;
export const PONG_TIMEOUT = 10_000;
/** The same where the platform says that there is no network. */
export const PONG_TIMEOUT_OFFLINE = 2_000;
/** After going live, when a page has started and a ping measures the line alone. */
export const FIRST_PING = 2_000;
/** Live for this long, a connection counts as good: a server that cuts at once must not be hammered. */
export const SETTLED = 5_000;
/** Before a token expires, another one is asked for; with half of what is left where that is less. */
export const RENEW_BEFORE = 30_000;
export const MIN_RENEWAL = 1_000;
/** A timer that comes so much too late has slept. Hidden tabs have theirs once a minute. */
export const SLEPT = 90_000;
/** The longest that a timer of the platform can be. */
export const MAX_TIMER = 2_147_483_647;
/** From a loss until `stale`, where the user does not say. */
export const STALE_AFTER = 5_000;

/** Failures that "come back later" stands for: the delay is drawn from up to 8 s. */
export const LATER = 3;
/** Attempts in a row that do not open, after which the next transport is tried. */
export const TRIES = 2;
/** Of the attempts in a row that never opened: asking why costs a request. */
export const ASK_WHY_EVERY = 4;

/**
 * Characters after which the server is told what has come. It counts as lagging whoever has ever acked and leaves more
 * than 1 MiB unacknowledged: a quarter of that leaves room for what is under way. A feed that sends less than this in
 * a connection's life is never acked, as every message to the server is paid for.
 */
export const ACK_EVERY = 262_144;

/**
 * Full jitter over a range that grows with the failures in a row, so that the clients of a restarted server spread out.
 */
export function backoff(failures: number, random: number): number {
  return Math.round(MIN_DELAY + random * (Math.min(MAX_DELAY, 4 * MIN_DELAY * 2 ** failures) - MIN_DELAY));
}
