import { encodeBody } from "./body.ts";
import { hindrance, leftToRetry, sendingWith, type Sending } from "./repetition.ts";
import { PublishRefusedError } from "./errors.ts";
import { explainFailure, post, type Outcome } from "./request.ts";
import { sleep, within } from "./timer.ts";
import type { Key, Receipt } from "./types.ts";

/** Full jitter: a wait is drawn from 0 up to a ceiling that doubles with every failure (milliseconds). */
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** Answers of the feed to a body as such. Others may come from elsewhere, or before it is looked at. */
const ABOUT_THE_BODY = new Set([400, 409, 413, 422]);

/** How one POST ended, all its attempts together. */
export type Ending =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  /** By each of its attempts nothing was changed. */
  | { readonly type: "refused"; readonly cause: Cause; readonly refusal: PublishRefusedError }
  /** An attempt may have been applied, or may yet arrive, whatever the last one was answered. */
  | { readonly type: "unknown"; readonly cause: Cause; readonly refusal: PublishRefusedError }
  /** By the signal. `sent`: it may have been applied. */
  | { readonly type: "aborted"; readonly sent: boolean };

/** What was refused: this body, the credential, or the request whatever it carries; `away` where there was no verdict. */
type Cause = "body" | "credential" | "request" | "away";

/** Where to publish, and how. */
export interface Link {
  /** The feed's own address. */
  readonly url: string;
  readonly key: Key | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly timeout: number;
  readonly gzipOver: number;
  readonly giveUpAfter: number;
  readonly signal: AbortSignal;
  readonly onAway: (reason: string, retryAt: number) => void;
}

/** Sends one body until the answer is one that another attempt would not change. Never throws. */
export async function deliver(text: string, link: Link): Promise<Ending> {
  const body = await encodeBody(text, link.gzipOver);
  const idempotencyKey = newIdempotencyKey();
  const started = Date.now();
  /** The first attempt that may have been applied though its answer is not known. */
  let doubt: Sending | undefined;
  const asks = typeof link.key === "function";
  let mayAskAgain = asks;
  for (let ceiling = BACKOFF_FIRST_MS; ; ceiling = Math.min(2 * ceiling, BACKOFF_MAX_MS)) {
    if (link.signal.aborted) return { type: "aborted", sent: doubt !== undefined };
    const { sending, ...outcome } = await attempt(link, body, idempotencyKey, doubt);
    if (outcome.type === "accepted") return outcome;
    if (outcome.type === "failed" && outcome.doubtful) doubt ??= sending;
    if (link.signal.aborted) return { type: "aborted", sent: doubt !== undefined };
    const type = doubt ? "unknown" : "refused";
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
    const left = Math.min(started + link.giveUpAfter - now, doubt ? leftToRetry(doubt) : Infinity);
    if (left <= 0) return { type, cause: "away", refusal: new PublishRefusedError(outcome.reason) };
    // The last attempt is made when the time is just up, and not left out because the wait would have been longer.
    const wait = Math.min(outcome.afterMs + Math.random() * ceiling, left);
    link.onAway(outcome.reason, now + wait);
    await sleep(wait, link.signal);
  }
}

/**
 * One attempt, and how it was sent, if it was. Never throws: a network failure is an outcome too, and so is the signal's
 * abort. Where another is in `doubt`, nothing is sent that could be applied beside it.
 */
async function attempt(
  link: Link,
  body: string | Uint8Array<ArrayBuffer>,
  idempotencyKey: string,
  doubt: Sending | undefined,
): Promise<Outcome & { readonly sending?: Sending | undefined }> {
  const { url, key: ask, fetch } = link;
  let sending: Sending | undefined;
  try {
    const outcome = await within(link.timeout, link.signal, async (signal): Promise<Outcome> => {
      const key = typeof ask === "function" ? await ask() : ask;
      signal.throwIfAborted();
      const next = sendingWith(key);
      const reason = doubt && hindrance(doubt, next);
      if (reason) return { type: "refused", status: 0, error: new PublishRefusedError(reason) };
      sending = next;
      return post(fetch, { url, key, idempotencyKey, body, signal });
    });
    return { ...outcome, sending };
  } catch (error) {
    const { reason, neverSent } = explainFailure(error);
    const why = sending ? reason : `there is no key: ${reason}`;
    return { type: "failed", reason: why, afterMs: 0, doubtful: sending !== undefined && !neverSent, sending };
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
