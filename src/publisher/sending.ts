import { PublishRefusedError } from "./errors.ts";
import { sentNow, timeToRepeat, whyNoRepetition, type SentRequest } from "./repetition.ts";
import { encodeBody, explainFailure, sendRequest, type RequestOutcome } from "./request.ts";
import { sleep, within } from "./timer.ts";
import type { Key, Receipt } from "./types.ts";

/** Full jitter: a wait is drawn from 0 up to a ceiling that doubles with every failure (milliseconds). */
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** The feed's answers to a body as such. Others may come from elsewhere, or before the body is read. */
const ABOUT_THE_BODY = new Set([400, 409, 413, 422]);

/** The result of sending one batch, over all its requests. */
export type SendResult =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  /** `unknown`: a request may have been applied, or may yet arrive, whatever the last one was answered. Else none was. */
  | { readonly type: "refused" | "unknown"; readonly cause: Cause; readonly refusal: PublishRefusedError }
  /** By the signal. `sent`: it may have been applied. */
  | { readonly type: "aborted"; readonly sent: boolean };

/** What the server refused: this body, the credential, or any request. `timeUp`: it refused nothing, but took nothing in time. */
type Cause = "body" | "credential" | "request" | "timeUp";

/** Where to send to, and how. */
export interface Destination {
  /** The feed's URL. */
  readonly url: string;
  readonly key: Key | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly timeout: number;
  readonly gzipOver: number;
  readonly giveUpAfter: number;
  readonly signal: AbortSignal;
  /** A request has failed; the next one is sent at `retryAt` (milliseconds since 1970). */
  readonly onFailure: (reason: string, retryAt: number) => void;
}

/** Sends one batch until it gets an answer that would not change with another request. Never throws. */
export async function sendUntilAnswered(text: string, destination: Destination): Promise<SendResult> {
  const { key, signal, giveUpAfter } = destination;
  const body = await encodeBody(text, destination.gzipOver);
  const idempotencyKey = newIdempotencyKey();
  const started = Date.now();
  /** The first request that may have been applied although its answer is not known. */
  let doubtful: SentRequest | undefined;
  const asks = typeof key === "function";
  let mayAskAgain = asks;
  for (let ceiling = BACKOFF_FIRST_MS; ; ceiling = Math.min(2 * ceiling, BACKOFF_MAX_MS)) {
    if (signal.aborted) return { type: "aborted", sent: doubtful !== undefined };
    const { sent, ...outcome } = await sendOnce(destination, body, idempotencyKey, doubtful);
    if (outcome.type === "accepted") return outcome;
    if (outcome.type === "failed" && outcome.doubtful) doubtful ??= sent;
    if (signal.aborted) return { type: "aborted", sent: doubtful !== undefined };
    const type = doubtful ? "unknown" : "refused";
    if (outcome.type === "refused") {
      const cause = causeOf(outcome.status);
      if (cause === "credential" && mayAskAgain) {
        mayAskAgain = false;
        continue;
      }
      return { type, cause, refusal: outcome.error };
    }
    mayAskAgain = asks;
    const now = Date.now();
    const left = Math.min(started + giveUpAfter - now, doubtful ? timeToRepeat(doubtful) : Infinity);
    if (left <= 0) return { type, cause: "timeUp", refusal: new PublishRefusedError(outcome.reason) };
    // The last request is sent when the time is just up, and not left out because the wait would have been longer.
    const wait = Math.min(outcome.afterMs + Math.random() * ceiling, left);
    destination.onFailure(outcome.reason, now + wait);
    await sleep(wait, signal);
  }
}

/**
 * Sends one request, with a fresh key. Never throws: a network failure is an outcome too, and so is the signal's abort. After
 * a `doubtful` request, sends nothing that could be applied beside it. The outcome has `sent` if the request was sent.
 */
async function sendOnce(
  { url, key: source, fetch, timeout, signal }: Destination,
  body: string | Uint8Array<ArrayBuffer>,
  idempotencyKey: string,
  doubtful: SentRequest | undefined,
): Promise<RequestOutcome & { readonly sent?: SentRequest | undefined }> {
  let sent: SentRequest | undefined;
  try {
    const outcome = await within(timeout, signal, async (signal): Promise<RequestOutcome> => {
      const key = typeof source === "function" ? await source() : source;
      signal.throwIfAborted();
      const next = sentNow(key);
      const problem = doubtful && whyNoRepetition(doubtful, next);
      if (problem) return { type: "refused", status: 0, error: new PublishRefusedError(problem) };
      sent = next;
      return sendRequest(fetch, { url, key, idempotencyKey, body, signal });
    });
    return { ...outcome, sent };
  } catch (error) {
    const { reason, neverSent } = explainFailure(error);
    const why = sent ? reason : `there is no key: ${reason}`;
    return { type: "failed", reason: why, afterMs: 0, doubtful: sent !== undefined && !neverSent, sent };
  }
}

function causeOf(status: number): Cause {
  if (status === 401 || status === 403) return "credential";
  return ABOUT_THE_BODY.has(status) ? "body" : "request";
}

/** 128 random bits. Not `randomUUID`, which a page served over plain http does not have. */
function newIdempotencyKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
