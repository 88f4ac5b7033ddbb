/*
 * The codes of the wire. No schemas here: the SDKs and their published types import this file.
 */

/** Error codes over HTTP, each with its status and its `title`, which never changes. */
export const PROBLEMS = {
  invalid_json: { status: 400, title: "The body is not valid JSON" },
  invalid_query: { status: 400, title: "A query parameter or header is not valid" },
  invalid_feed: { status: 400, title: "The feed's name is not valid" },
  unsupported_protocol: { status: 400, title: "None of the offered WebSocket subprotocols is supported" },
  unauthorized: { status: 401, title: "A valid credential is needed" },
  forbidden: { status: 403, title: "The credential does not allow this" },
  origin_not_allowed: { status: 403, title: "Pages of this origin are not allowed" },
  not_found: { status: 404, title: "There is nothing here" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  feed_full: { status: 409, title: "The feed has reached its limit" },
  out_of_order: { status: 409, title: "A publish of the session before this one was not accepted" },
  unknown_session: { status: 409, title: "The feed remembers no publish of this session" },
  too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body's type or encoding is not supported" },
  invalid_update: { status: 422, title: "An update is not valid" },
  idempotency_mismatch: { status: 422, title: "The idempotency key was used with another body" },
  rate_limited: { status: 429, title: "Too many requests" },
  outcome_unknown: { status: 502, title: "It is not known whether this was carried out" },
  overloaded: { status: 503, title: "The server cannot take this now" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Codes of an `error` message: those over HTTP, and one more. */
export type MessageErrorCode = ProblemCode | "invalid_message";

/** Seconds after which to try again if the check that refuses does not say; undefined if it would be refused again. */
export function usualWait(code: MessageErrorCode): number | undefined {
  const status = code === "invalid_message" ? 400 : PROBLEMS[code].status;
  return status === 429 || status >= 500 ? 1 : undefined;
}

/** Why there is no room: the caller's own share is used up (`rate_limited`), or everything is (`overloaded`). */
export type NoRoom = Extract<ProblemCode, "rate_limited" | "overloaded">;

/** WebSocket close codes. A 44xx means: do not come back unchanged. 4429 is the exception. */
export const CLOSE = {
  normal: 1000,
  tooLarge: 1009,
  restart: 1012,
  badMessages: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  removed: 4404,
  tooMuch: 4429,
  overloaded: 4503,
} as const;

/** What each close code means to a client, and whether a client may come back unchanged. */
export const CLOSE_MEANINGS: Readonly<Record<keyof typeof CLOSE, readonly [meaning: string, comeBack: boolean]>> = {
  normal: ["The client closed the socket.", true],
  tooLarge: ["A message was too large.", false],
  restart: ["The server restarts: come back.", true],
  badMessages: ["Too many bad messages in a row.", false],
  unauthorized: ["The credential is missing, is not valid, or has expired.", false],
  forbidden: ["The credential does not allow this.", false],
  removed: ["The feed was removed.", false],
  tooMuch: ["Too much: come back later.", true],
  overloaded: ["The server has too much to do, or the client does not read: come back later.", true],
};

/** `latest`: updates of one key that wait together are merged. `all`: every update, in order. */
export const MODES = ["latest", "all"] as const;
export type Mode = (typeof MODES)[number];

/** Why a subscriber gets a snapshot and not the updates since its position. */
export const SNAPSHOT_REASONS = {
  initial: "no `since` was given",
  epoch_changed: "`since` is of another epoch",
  position_expired: "the feed no longer keeps what was missed, or it is too long to send",
  position_ahead: "`since` is ahead of the feed",
  lagging: "the subscriber was too slow",
  subscribe: "the answer to `subscribe`",
  reset: "the feed was reset",
} as const;
export type SnapshotReason = keyof typeof SNAPSHOT_REASONS;

/** One thing that is wrong with one update of a batch. */
export interface UpdateIssue {
  /** Which update of the batch. */
  index: number;
  /** Where in the update, such as `patch.price`; "" is the whole update. */
  path: string;
  message: string;
}
