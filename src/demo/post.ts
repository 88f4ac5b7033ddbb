/** What became of one attempt to publish. */
export type Outcome =
  | { type: "accepted"; epoch: string }
  /** Worth trying again, after `afterMs` at least (0 where the server named no time). */
  | { type: "retry"; reason: string; afterMs: number }
  /** Would be answered the same however often it is tried. */
  | { type: "refused"; reason: string };

export interface PostRequest {
  url: string;
  key: string | undefined;
  idempotencyKey: string;
  body: string;
  signal: AbortSignal;
}

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 10_000;
/** A longer Retry-After (milliseconds) is cut: an Idempotency-Key is only sure to be remembered for ten minutes. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;
/** Client errors that pass by themselves: the request timed out, came too early, or was one of too many. */
const PASSING = new Set([408, 425, 429]);

/** Sends one batch once. Never throws: a network failure is an outcome too. `now` is in milliseconds since 1970. */
export async function post(fetch: typeof globalThis.fetch, now: () => number, request: PostRequest): Promise<Outcome> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(request.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": request.idempotencyKey,
        ...(request.key === undefined ? {} : { authorization: `Bearer ${request.key}` }),
      },
      body: request.body,
      // A redirect would turn the POST into a GET, and look like success.
      redirect: "manual",
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    return { type: "retry", reason: networkReason(error), afterMs: 0 };
  }
  const answer = parseObject(text);
  if (response.status === 200) {
    const epoch = answer["epoch"];
    if (typeof epoch === "string") return { type: "accepted", epoch };
    return { type: "retry", reason: "the answer is not a receipt", afterMs: 0 };
  }
  const reason = `${response.status} ${member(answer, "code")}${member(answer, "detail")}`.trimEnd();
  if (response.status >= 500 || PASSING.has(response.status)) {
    return {
      type: "retry",
      reason,
      afterMs: retryAfter(response.headers.get("retry-after"), now()),
    };
  }
  return { type: "refused", reason: reason + issues(answer) };
}

/** Reads Retry-After, which is seconds or a date, as milliseconds from now. */
function retryAfter(header: string | null, now: number): number {
  if (header === null || header.trim() === "") return 0;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - now : seconds * 1000;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0;
}

/** `fetch` hides what went wrong ("connection refused") in the error's cause. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ("code" in cause ? String(cause.code) : error.message);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function member(answer: Record<string, unknown>, name: string): string {
  const value = answer[name];
  return typeof value === "string" ? `${value} ` : "";
}

function issues(answer: Record<string, unknown>): string {
  return answer["issues"] === undefined ? "" : ` ${JSON.stringify(answer["issues"])}`;
}
