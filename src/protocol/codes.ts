/** Error codes over HTTP, each with its status and the `title` that never changes. */
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
  too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body's type or encoding is not supported" },
  invalid_update: { status: 422, title: "An update is not valid" },
  idempotency_mismatch: { status: 422, title: "The idempotency key was used with another body" },
  rate_limited: { status: 429, title: "Too many requests" },
  outcome_unknown: { status: 502, title: "It is not known whether this was carried out" },
  overloaded: { status: 503, title: "The server cannot take this now" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Codes of an `error` message on a socket: those of HTTP that can happen there, and one of its own. */
export type MessageErrorCode = ProblemCode | "invalid_message";

/** WebSocket close codes. A 44xx means: do not come back unchanged; 4429 aside. */
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

/** One thing wrong with one update of a batch. `path` is within the update, e.g. `patch.price`; "" is the update itself. */
export interface UpdateIssue {
  index: number;
  path: string;
  message: string;
}
