import type { UpdateIssue } from "./types.ts";

export const CLOSED = "The publisher is closed.";
/** Begins the message of a `PublishUnknownError`. */
export const MAYBE = "It may have been applied: ";

/**
 * Whenever the updates were sent they were refused, and would be again. None of them was applied, and none will be: they may
 * be published again.
 */
export class PublishRefusedError extends Error {
  override readonly name = "PublishRefusedError";
  /**
   * The HTTP status of the answer, or that of the same meaning over a socket; undefined if there was no answer until
   * `giveUpAfter`.
   */
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
 * It is not known whether the updates were applied, or will be when what was sent arrives late: an answer was lost, and the
 * repetitions got no receipt for as long as the server is sure to recognise them, or were refused for another reason. All of
 * the updates were applied, or none. Published again they might be applied twice, or over newer ones: read the feed first, or
 * publish a `set`, or give them a `version`.
 */
export class PublishUnknownError extends Error {
  override readonly name = "PublishUnknownError";
}

/** Too many updates wait for their receipts; `ready` resolves when there is room. Nothing was published. */
export class PublisherFullError extends Error {
  override readonly name = "PublisherFullError";
}

/** The publisher was closed before the updates could be sent. None of them was applied. */
export class PublisherClosedError extends Error {
  override readonly name = "PublisherClosedError";
}
