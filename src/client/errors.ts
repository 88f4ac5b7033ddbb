import type { UpdateIssue } from "../protocol/codes.ts";

/** The server refused the feed, or it was closed while a caller still waited for something. */
export class FeedClosedError extends Error {
  override readonly name = "FeedClosedError";
  /** The WebSocket close code (44xx) or HTTP status of the refusal; undefined after `close()`. */
  readonly code: number | undefined;

  constructor(reason: string, code: number | undefined) {
    super(reason);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A publish has got no receipt. */
export class FeedPublishError extends Error {
  override readonly name = "FeedPublishError";
  /** False if nothing was changed; undefined if it may have been applied, since an answer was lost. */
  readonly isApplied: false | undefined;
  /** The server's code for it, e.g. `invalid_update`; undefined if there was no answer. */
  readonly code: string | undefined;
  /** What is wrong with which update. */
  readonly issues: readonly UpdateIssue[];

  constructor(reason: string, isApplied: false | undefined, code?: string, issues: readonly UpdateIssue[] = []) {
    super(reason);
    this.isApplied = isApplied;
    this.code = code;
    this.issues = issues;
  }
}
