// Milliseconds, but for `ACK_EVERY`.

export const TOKEN_TIMEOUT = 20_000;
export const PROBE_TIMEOUT = 10_000;
/** An attempt without progress for this long is replaced when the network returns, or when the user asks for it. */
export const HANGING = 1_000;
/** Without a frame while catching up: one frame may have 1 MiB, and the line may be slow. */
export const CATCH_UP_TIMEOUT = 60_000;
/** Without a frame, after which a ping finds out whether the server is still there. */
export const SILENCE = 20_000;
export const PONG_TIMEOUT = 10_000;
/** The same when the runtime says that there is no network. */
export const PONG_TIMEOUT_OFFLINE = 2_000;
/** After going live, when a page has started and a ping measures the line alone. */
export const FIRST_PING = 2_000;
/** A timer that fires this late means that the machine slept. Timers of hidden tabs fire once a minute. */
export const SLEPT = 90_000;
/** The longest that a timer of the runtime can be. */
export const MAX_TIMER = 2_147_483_647;
/** From a loss until `stale`, if the user does not say. */
export const STALE_AFTER = 5_000;
/**
 * While another transport is in use, the time to the next trial of the first one: twice as long after each trial that
 * fails. After an outage of the server the first trial comes soon; in a network that lets none through, later ones are rare.
 */
export const FIRST_TRIAL = 60_000;
export const LAST_TRIAL = 15 * 60_000;

/**
 * Characters after which the client acknowledges what has come. The server counts a client that has ever sent an `ack` as
 * lagging when it leaves more than 1 MiB unacknowledged: a quarter of that leaves room for what is on its way. On a
 * connection that brings less than this, none is sent, as every message to the server costs money.
 */
export const ACK_EVERY = 262_144;
