import { API_HEADERS } from "./answer.ts";
import { PROBLEMS, type ProblemCode, type UpdateIssue } from "../protocol/codes.ts";

export interface ProblemDetails {
  /** What was wrong with this request. Shown to the caller: no secret, no internal name. */
  readonly detail: string;
  readonly issues?: readonly UpdateIssue[] | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is refused. Thrown by whatever finds out; the app answers it as `application/problem+json`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, detail: string, more: Omit<ProblemDetails, "detail"> = {}) {
    super(detail);
    this.code = code;
    this.details = { detail, ...more };
  }
}

/** What is worth trying again says when: seconds, where whoever refuses it knows no better. */
const RETRY_AFTER: Partial<Record<number, string>> = { 429: "1", 502: "1", 503: "1" };

/** The answer to a refused request, as RFC 9457 has it. */
export function problemResponse(code: ProblemCode, { detail, issues, headers }: ProblemDetails): Response {
  const { status, title } = PROBLEMS[code];
  const body = { type: `urn:tickertape:problem:${code}`, title, status, detail, code, issues };
  const retryAfter = RETRY_AFTER[status];
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: {
      ...API_HEADERS,
      ...(retryAfter !== undefined && { "Retry-After": retryAfter }),
      ...headers,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    },
  });
}
