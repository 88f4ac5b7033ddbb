import type { UpdateIssue } from "./types.ts";

/** The server refused the updates, and would again. None of them was applied. */
export class PublishRefusedError extends Error {
  override readonly name = "PublishRefusedError";
  /** The HTTP status of the answer; none where there was no answer until `giveUpAfter`. */
  readonly status: number | undefined;
  /** The server's code for it, e.g. `invalid_update`. */
  readonly code: string | undefined;
  /** What is wrong with which update; `index` counts in what this call published. */
  readonly issues: readonly UpdateIssue[];

  constructor(message: string, status?: number, code?: string, issues: readonly UpdateIssue[] = []) {
    super(message);
    this.status = status;
    this.code = code;
    this.issues = issues;
  }
}

/**
 * Nobody can tell whether the updates were applied: a request was sent, and no answer came for as long as the server is
 * sure to recognise a repetition. Sent again they might be applied twice, or over newer ones.
 */
export class PublishUnknownError extends Error {
  override readonly name = "PublishUnknownError";
}

/** Too many updates wait for their receipts; `ready` tells when there is room. Nothing was published. */
export class PublisherFullError extends Error {
  override readonly name = "PublisherFullError";
}

/** The publisher was closed before the updates could be sent. None of them was applied. */
export class PublisherClosedError extends Error {
  override readonly name = "PublisherClosedError";
}
