import { asObject, receiptOf, refusalOf } from "./answer.ts";
import type { PublishRefusedError } from "./errors.ts";
import type { Receipt } from "./types.ts";

/** What became of one attempt. */
export type Outcome =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  /** Would be answered the same however often it is tried. Nothing was changed. */
  | { readonly type: "refused"; readonly status: number; readonly error: PublishRefusedError }
  /**
   * Worth trying again, after `afterMs` at least (0 where the server named no time). `doubtful` where it may have been
   * applied all the same.
   */
  | { readonly type: "failed"; readonly reason: string; readonly afterMs: number; readonly doubtful: boolean };

export interface PostRequest {
  readonly url: string;
  readonly key: string | undefined;
  readonly idempotencyKey: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** A longer Retry-After (milliseconds) is cut: whoever waits wants to know within minutes that the server is back. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;
/** Client errors that pass by themselves: the request timed out, came too early, or was one of too many. */
const PASSING = new Set([408, 425, 429]);
/** Codes of the feed for what it does not take now. Whatever else comes as a server's error may have been applied. */
const NOT_NOW = new Set(["rate_limited", "overloaded"]);
/** With these, as Node names them, the request never left. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** Sends one batch once. Throws where there is no answer, as `fetch` does. */
export async function post(fetch: typeof globalThis.fetch, request: PostRequest): Promise<Outcome> {
  const { body, key, signal } = request;
  const response = await fetch(request.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "idempotency-key": request.idempotencyKey,
      ...(typeof body === "string" ? {} : { "content-encoding": "gzip" }),
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body,
    // A redirect would turn the POST into a GET, and look like success.
    redirect: "manual",
    signal,
  });
  const text = await response.text();
  const answer = asObject(text);
  if (response.ok) {
    const receipt = receiptOf(answer);
    if (receipt) return { type: "accepted", receipt };
    return { type: "failed", reason: "the answer is not a receipt", afterMs: 0, doubtful: true };
  }
  const error = refusalOf(response.status, answer);
  if (response.status < 500 && !PASSING.has(response.status)) {
    return { type: "refused", status: response.status, error };
  }
  const afterMs = retryAfter(response.headers.get("retry-after"), Date.now());
  // The feed's own `outcome_unknown` says so itself; an answer without a code is that of a proxy, which does not know.
  const doubtful = !NOT_NOW.has(error.code ?? "") && response.status !== 429;
  return { type: "failed", reason: error.message, afterMs, doubtful };
}

/** Reads Retry-After, which is seconds or a date, as milliseconds from now. */
function retryAfter(header: string | null, now: number): number {
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header ?? "") - now : seconds * 1000;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0;
}

/** What went wrong: `fetch` hides it ("connection refused") in the error's cause. */
export function explainFailure(error: unknown): { reason: string; neverSent: boolean } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { reason: String(error), neverSent: false };
  const code = "code" in cause ? String(cause.code) : "";
  return { reason: cause.message || code, neverSent: NEVER_SENT.has(code) };
}
