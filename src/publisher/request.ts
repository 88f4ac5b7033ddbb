import { PublishRefusedError } from "./errors.ts";
import type { Receipt, UpdateIssue } from "./types.ts";

/** The outcome of one request. */
export type RequestOutcome =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  /** Every repetition would be answered the same. Nothing was changed. */
  | { readonly type: "refused"; readonly status: number; readonly error: PublishRefusedError }
  /** Worth repeating, not before `afterMs` (0: no time named). `doubtful`: the updates may have been applied. */
  | { readonly type: "failed"; readonly reason: string; readonly afterMs: number; readonly doubtful: boolean };

interface PublishRequest {
  readonly url: string;
  readonly key: string | undefined;
  readonly idempotencyKey: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** A longer Retry-After (milliseconds) is cut: a publisher that waits must notice within minutes that the server is back. */
const RETRY_AFTER_MAX_MS = 5 * 60_000;
/** Client errors that pass by themselves: the request timed out, came too early, or was one of too many. */
const PASSING = new Set([408, 425, 429]);
/** The feed's codes for what it does not take now. After any other 5xx the updates may have been applied. */
const NOT_NOW = new Set(["rate_limited", "overloaded"]);
/** Node's codes for a request that never left. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** The body as it is sent: gzipped if it is longer than `gzipOver` bytes and the platform can. */
export async function encodeBody(text: string, gzipOver: number): Promise<string | Uint8Array<ArrayBuffer>> {
  // A character takes three bytes at most.
  if (text.length * 3 <= gzipOver || typeof CompressionStream === "undefined") return text;
  const blob = new Blob([text]);
  if (blob.size <= gzipOver) return text;
  const packed = new Response(blob.stream().pipeThrough(new CompressionStream("gzip")));
  return new Uint8Array(await packed.arrayBuffer());
}

/** Sends one batch once. Throws if there is no answer, as `fetch` does. */
export async function sendRequest(fetch: typeof globalThis.fetch, request: PublishRequest): Promise<RequestOutcome> {
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
    // Followed, a redirect would turn the POST into a GET, and look like success.
    redirect: "manual",
    signal,
  });
  const answer = parseObject(await response.text());
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

/** What went wrong: `fetch` hides it ("connection refused") in the error's cause. */
export function explainFailure(error: unknown): { reason: string; neverSent: boolean } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { reason: String(error), neverSent: false };
  const code = "code" in cause ? String(cause.code) : "";
  return { reason: cause.message || code, neverSent: NEVER_SENT.has(code) };
}

/** Retry-After, which is seconds or a date, as milliseconds from now. */
function retryAfter(header: string | null, now: number): number {
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header ?? "") - now : seconds * 1000;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : 0;
}

type Members = Readonly<Record<string, unknown>>;

/** The members that a JSON text has; none if it is no JSON. */
function parseObject(text: string): Members {
  try {
    return { ...JSON.parse(text) };
  } catch {
    return {};
  }
}

function receiptOf({ feed, epoch, seq, accepted, stale }: Members): Receipt | undefined {
  if (typeof feed !== "string" || typeof epoch !== "string" || typeof seq !== "number") return undefined;
  if (typeof accepted !== "number" || typeof stale !== "number") return undefined;
  return { feed, epoch, seq, accepted, stale };
}

/** Reads problem+json, or whatever else came with the status. */
function refusalOf(status: number, answer: Members): PublishRefusedError {
  const code = textOf(answer["code"]);
  const issues: readonly UpdateIssue[] = Array.isArray(answer["issues"]) ? answer["issues"].filter(isIssue) : [];
  const [first] = issues.map(({ index, path, message }) => `[${index}] ${path} ${message}`);
  // A redirect that a browser did not follow has no status.
  const parts = [status || "a redirect", code, textOf(answer["detail"]), first];
  return new PublishRefusedError(parts.filter(Boolean).join(" "), status, code, issues);
}

function isIssue(value: unknown): value is UpdateIssue {
  const { index, path, message }: Members = { ...Object(value) };
  return typeof index === "number" && typeof path === "string" && typeof message === "string";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
