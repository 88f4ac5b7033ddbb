import type { PublishOutcome } from "../durable/live-feed.ts";
import { batchTooLarge } from "../protocol/update.ts";
import { decodeUpdatesInSteps } from "../protocol/update-decoding.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeReceipt } from "../protocol/answers.ts";
import { readPublishBody, type PublishBody } from "./body.ts";
import { authenticate, demand } from "./credentials.ts";
import { demandRoom } from "./existence.ts";
import { demandCredit, inSteps, inTurn, spendOnRefusal } from "./intake.ts";
import type { FeedAppOptions, FeedContext } from "./options.ts";
import { outcomeOf } from "./outcome.ts";
import { Problem } from "./problem.ts";

/** `POST /v1/feeds/{feed}` */
export async function publish<B extends object>(c: FeedContext<B>, options: FeedAppOptions<B>): Promise<Response> {
  const feed = c.get("feed");
  const request = c.req.raw;
  const access = options.access(c.env);
  if (access.unconfigured !== undefined) console.warn(`tickertape: ${access.unconfigured}`);
  const caller = await authenticate(c, options);
  demand(caller, "publish", feed);
  const key = readIdempotencyKey(request);
  const body = await readPublishBody(request, caller);
  const { bytes } = body;
  const { publish: rate } = options.quotas(c.env);
  const size = bytes.byteLength;
  const send = async (): Promise<string | PublishOutcome> => {
    demandCredit(rate, caller.id, size);
    let batch: string;
    try {
      batch = await inSteps(encodeBatch(body));
    } catch (error) {
      spendOnRefusal(rate, caller.id, size);
      throw error;
    }
    await demandRoom(c, options, caller);
    const { id: credential, principal } = caller;
    const idempotency = key === undefined ? undefined : { key, digest: await digest(bytes), credential, principal };
    const stub = options.feeds(c.env).getByName(feed);
    return outcomeOf(async () => stub.acceptBatch(batch, caller.id, idempotency));
  };
  const outcome = await inTurn(caller, size, send, (going) => keepAlive(c, going));
  if (typeof outcome === "string") return new Response(outcome, { headers: RECEIPT_HEADERS });
  if (outcome.ok) {
    const headers = new Headers(RECEIPT_HEADERS);
    if (outcome.replayed) headers.set("Idempotency-Replayed", "true");
    return new Response(encodeReceipt(feed, outcome.receipt), { headers });
  }
  const { code, detail = "No update of the batch was accepted.", issues, retryAfter } = outcome;
  throw new Problem(code, detail, { issues, headers: retryAfter ? { "Retry-After": String(retryAfter) } : {} });
}

/**
 * Takes a body apart, checks it, and writes it down as it travels from here on: a line an update. What is long pauses after
 * each piece.
 */
function* encodeBatch(body: PublishBody): Generator<number, string> {
  const decoded = yield* decodeUpdatesInSteps(yield* body.parse());
  if (!decoded.ok)
    throw new Problem("invalid_update", "No update of the batch was accepted.", { issues: decoded.issues });
  if (!batchTooLarge(decoded.updates)) return decoded.updates.join("\n");
  throw new Problem(
    "too_large",
    `The batch is longer than ${LIMITS.encodedBatchBytes} bytes with its numbers written out.`,
  );
}

/** Sees to it that something goes on when the request is answered. In a test of the app alone there is nothing to see to. */
function keepAlive<B extends object>(c: FeedContext<B>, going: Promise<unknown>): void {
  try {
    c.executionCtx.waitUntil(going);
  } catch {}
}

/** Made for programs, and most often: without the headers that only matter to what a page may show. */
const RECEIPT_HEADERS = new Headers({
  "Content-Type": "application/json",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
});

function readIdempotencyKey(request: Request): string | undefined {
  const key = request.headers.get("Idempotency-Key");
  if (key === null) return undefined;
  if (key.length >= 1 && key.length <= LIMITS.idempotencyKeyLength) return key;
  throw new Problem(
    "invalid_query",
    `Idempotency-Key has ${key.length} characters; 1 to ${LIMITS.idempotencyKeyLength} are allowed.`,
  );
}

/** 128 bits of SHA-256: enough to tell one publisher's bodies apart, and short to keep. */
async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return btoa(String.fromCharCode(...new Uint8Array(hash, 0, 16))).slice(0, 22);
}
