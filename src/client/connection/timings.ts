// Milliseconds, but for the counts.

/** Between two attempts, whatever happens. */
export const MIN_DELAY = 250;
const MAX_DELAY = 30_000;
export const TOKEN_TIMEOUT = 20_000;
export const PROBE_TIMEOUT = 10_000;
/** An attempt that has got nowhere for so long is ended by the network's return, or by the user, who knows better. */
export const HANGING = 1_000;
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
/** Attempts in a row that fail to open, after which the next transport is tried; after one that hangs it is at once. */
export const TRIES = 2;
/** Until an attempt's first frame, while every transport is tried for the first time. */
const OPEN_TIMEOUT = 4_000;
/**
 * From one look at whether the first transport works again, while another one is in use, to the next: twice as long each
 * time it does not. After an outage of the server the first look is soon; in a network that lets none through, the last
 * ones are seldom.
 */
export const LOOK_FIRST = 60_000;
export const LOOK_LAST = 15 * 60_000;
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

/**
 * How long an attempt may take to its first frame. Short at first: something on the way may swallow it, and another
 * transport gets through. Where none has, the line may be that slow.
 */
export function openTimeout(unopened: number): number {
  return OPEN_TIMEOUT * 2 ** Math.min(2, Math.floor(unopened / (3 * TRIES)));
}
