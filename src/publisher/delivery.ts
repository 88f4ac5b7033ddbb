import { encodeBody } from "./body.ts";
import { PublishRefusedError, PublishUnknownError } from "./errors.ts";
import { explainFailure, post, type Outcome } from "./post.ts";
import { sleep, within } from "./timer.ts";
import type { Key, Receipt } from "./types.ts";

/** Full jitter: a wait is drawn from 0 up to a ceiling that doubles with every failure (milliseconds). */
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;
/** A feed remembers an Idempotency-Key for ten minutes; one less, for an attempt takes its time. */
const DOUBT_MAX_MS = 9 * 60_000;
/** Answers of the feed to a body as such. Others may come from elsewhere, or before it is looked at. */
const ABOUT_THE_BODY = new Set([400, 409, 413, 422]);

/** How one POST ended, all its attempts together. `error` says whether it may have been applied. */
export type Ending =
  | { readonly type: "accepted"; readonly receipt: Receipt }
  | { readonly type: "failed"; readonly cause: Cause; readonly error: PublishRefusedError | PublishUnknownError }
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
  /** When the first attempt began that may have been applied though its answer is not known. */
  let doubt: number | undefined;
  const asks = typeof link.key === "function";
  let mayAskAgain = asks;
  for (let ceiling = BACKOFF_FIRST_MS; ; ceiling = Math.min(2 * ceiling, BACKOFF_MAX_MS)) {
    if (link.signal.aborted) return { type: "aborted", sent: doubt !== undefined };
    const began = Date.now();
    const outcome = await attempt(link, body, idempotencyKey);
    if (outcome.type === "accepted") return outcome;
    if (outcome.type === "failed" && outcome.doubtful) doubt ??= began;
    if (link.signal.aborted) return { type: "aborted", sent: doubt !== undefined };
    if (outcome.type === "refused") {
      const cause = causeOf(outcome.status);
      if (cause === "credential" && mayAskAgain) {
        mayAskAgain = false;
        continue;
      }
      return { type: "failed", cause, error: cause === "body" ? outcome.error : blame(outcome.error, doubt) };
    }
    mayAskAgain = asks;
    const now = Date.now();
    const left = Math.min(started + link.giveUpAfter, (doubt ?? Infinity) + DOUBT_MAX_MS) - now;
    if (left <= 0)
      return { type: "failed", cause: "away", error: blame(new PublishRefusedError(outcome.reason), doubt) };
    // The last attempt is made when the time is just up, and not left out because the wait would have been longer.
    const wait = Math.min(outcome.afterMs + Math.random() * ceiling, left);
    link.onAway(outcome.reason, now + wait);
    await sleep(wait, link.signal);
  }
}

/** One attempt. Never throws: a network failure is an outcome too, and so is the signal's abort. */
async function attempt(link: Link, body: string | Uint8Array<ArrayBuffer>, idempotencyKey: string): Promise<Outcome> {
  const { url, key: ask, fetch } = link;
  let sent = false;
  try {
    return await within(link.timeout, link.signal, async (signal) => {
      const key = typeof ask === "function" ? await ask() : ask;
      signal.throwIfAborted();
      sent = true;
      return post(fetch, { url, key, idempotencyKey, body, signal });
    });
  } catch (error) {
    const { reason, neverSent } = explainFailure(error);
    const doubtful = sent && !neverSent;
    return { type: "failed", reason: sent ? reason : `there is no key: ${reason}`, afterMs: 0, doubtful };
  }
}

function causeOf(status: number): Cause {
  if (status === 401 || status === 403) return "credential";
  return ABOUT_THE_BODY.has(status) ? "body" : "request";
}

/** A refusal that does not look at the body says nothing about an earlier attempt that may have been applied. */
function blame(error: PublishRefusedError, doubt: number | undefined): PublishRefusedError | PublishUnknownError {
  if (doubt === undefined) return error;
  return new PublishUnknownError(`It may have been applied: an answer was lost; then: ${error.message}`);
}

/** 128 random bits. Not `randomUUID`, which a page served over plain http does not have. */
function newIdempotencyKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
