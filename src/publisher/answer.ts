import { SESSION_REFUSALS } from "../protocol/session-key.ts";
import { PublishRefusedError } from "./errors.ts";
import type { Receipt, UpdateIssue } from "./types.ts";

/** What becomes of a batch that was sent once. */
export type Answer =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  /** Every repetition would be answered the same. Nothing was changed. */
  | { readonly type: "refused"; readonly error: PublishRefusedError }
  /** Nothing was changed: the feed does not know the batch before it, in the same session. */
  | { readonly type: "outOfOrder"; readonly reason: string }
  /** Worth repeating, not before `afterMs` (0: no time named). `doubtful`: the updates may have been applied. */
  | { readonly type: "failed"; readonly reason: string; readonly afterMs: number; readonly doubtful: boolean };

/** An error as both ways tell it: problem+json, an `error` message, or whatever else came with a status. */
export interface Problem {
  readonly status: number;
  readonly code: unknown;
  readonly detail: unknown;
  readonly issues: unknown;
  /** Milliseconds; 0 if no time is named. */
  readonly retryAfter: number;
}

export type Members = Readonly<Record<string, unknown>>;

/** A longer Retry-After (milliseconds) is cut: a publisher that waits must notice within minutes that the server is back. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;
/** Client errors that pass by themselves: the request timed out, came too early, or was one of too many. */
const PASSING = new Set([408, 425, 429]);
/** The feed's codes for what it does not take now. After any other 5xx the updates may have been applied. */
const NOT_NOW = new Set(["rate_limited", "overloaded"]);
const OUT_OF_ORDER: ReadonlySet<string> = new Set(SESSION_REFUSALS);

/**
 * The statuses of the codes that answer a batch on a socket, where there are none. Another code says something about the batch.
 * Not taken from `PROBLEMS`, whose titles would be half a kilobyte of the bundle; a test compares them.
 */
export const STATUSES: ReadonlyMap<unknown, number> = new Map([
  ["unauthorized", 401],
  ["forbidden", 403],
  ["feed_full", 409],
  ["too_large", 413],
  ["invalid_update", 422],
  ["idempotency_mismatch", 422],
  ["rate_limited", 429],
  ["outcome_unknown", 502],
  ["overloaded", 503],
]);

export function answerOf({ status, code: named, detail, issues: listed, retryAfter }: Problem): Answer {
  const code = textOf(named);
  const issues: readonly UpdateIssue[] = Array.isArray(listed) ? listed.filter(isIssue) : [];
  const [first] = issues.map(({ index, path, message }) => `[${index}] ${path} ${message}`);
  // A redirect that a browser did not follow has no status.
  const reason = [status || "a redirect", code, textOf(detail), first].filter(Boolean).join(" ");
  if (OUT_OF_ORDER.has(code ?? "")) return { type: "outOfOrder", reason };
  if (status < 500 && !PASSING.has(status)) {
    return { type: "refused", error: new PublishRefusedError(reason, status, code, issues) };
  }
  const afterMs = retryAfter > 0 ? Math.min(retryAfter, RETRY_AFTER_MAX_MS) : 0;
  // The feed's own `outcome_unknown` says so itself; an answer without a code is that of a proxy, which does not know.
  return { type: "failed", reason, afterMs, doubtful: !NOT_NOW.has(code ?? "") && status !== 429 };
}

/** The members that a JSON text has; none if it is no JSON. */
export function parseObject(text: string): Members {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

/** The answer to what was accepted, if it is a receipt. `of`: the feed, which a receipt on a socket does not name. */
export function acceptanceOf({ epoch, seq, accepted, stale, feed }: Members, of: unknown = feed): Answer {
  const isPosition = typeof of === "string" && typeof epoch === "string" && typeof seq === "number";
  if (isPosition && typeof accepted === "number" && typeof stale === "number") {
    return { type: "accepted", receipt: { feed: of, epoch, seq, accepted, stale } };
  }
  return { type: "failed", reason: "the answer is not a receipt", afterMs: 0, doubtful: true };
}

function isIssue(value: unknown): value is UpdateIssue {
  const { index, path, message }: Members = { ...Object(value) };
  return typeof index === "number" && typeof path === "string" && typeof message === "string";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
