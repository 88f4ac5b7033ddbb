import { PROBLEM_TYPE, type ProblemAnswer } from "../protocol/answers.ts";
import { PROBLEMS, usualWait, type ProblemCode, type UpdateIssue } from "../protocol/codes.ts";
import { API_HEADERS } from "./responses.ts";

export interface ProblemDetails {
  /** What is wrong with this request. The caller sees it: no secret, no internal name. */
  readonly detail: string;
  readonly issues?: readonly UpdateIssue[] | undefined;
  /** Seconds after which to try again. */
  readonly retryAfter?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused. Any check may throw it; the app answers it as `application/problem+json`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, detail: string, more: Omit<ProblemDetails, "detail"> = {}) {
    super(detail);
    this.code = code;
    this.details = { detail, ...more };
  }
}

/** The response to a refused request, in the form of RFC 9457. */
export function problemResponse(code: ProblemCode, { detail, issues, retryAfter, headers }: ProblemDetails): Response {
  const { status, title } = PROBLEMS[code];
  const after = retryAfter ?? usualWait(code);
  const type = `${PROBLEM_TYPE}${code}`;
  const body = { type, title, status, detail, code, issues: issues?.slice() } satisfies ProblemAnswer;
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      ...API_HEADERS,
      ...(after !== undefined && { "Retry-After": String(after) }),
      ...headers,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    },
  });
}

/** Makes a call that changes a feed. If it fails, that may have been done all the same, unless the object was busy. */
export async function callToChange<T>(call: () => T): Promise<Awaited<T>> {
  try {
    return await call();
  } catch (error) {
    const refused = error instanceof Error && "overloaded" in error && error.overloaded === true;
    console.error("tickertape: a call to a feed broke", error);
    if (refused) throw new Problem("overloaded", "The feed has too much to do. Nothing was changed: try again.");
    throw new Problem(
      "outcome_unknown",
      "The feed broke off. This may have been carried out or not: repeat it, with the same Idempotency-Key.",
    );
  }
}
