import { Problem } from "../http/problem.ts";
import type { ProblemCode, UpdateIssue } from "../protocol/codes.ts";

/** What a call from the Worker's own code is refused with. `code` is what a request over HTTP would be answered with. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code: ProblemCode;
  /** What is wrong with which update. */
  readonly issues: readonly UpdateIssue[] | undefined;
  /** Seconds after which to try again, if that may help. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ProblemCode,
    message: string,
    { issues, retryAfter }: { issues?: readonly UpdateIssue[] | undefined; retryAfter?: number | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.issues = issues;
    this.retryAfter = retryAfter;
  }
}

/** Makes a call. What the HTTP side throws in it becomes a `RefusedError`; other errors stay as they are. */
export async function orRefused<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof Problem ? new RefusedError(error.code, error.message, error.details) : error;
  }
}
