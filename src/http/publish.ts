import type { PublishOutcome } from "../durable/requests/publish-queue.ts";
import { LIMITS } from "../protocol/limits.ts";
import { encodeReceipt } from "../protocol/answers.ts";
import { batchTooLarge } from "../protocol/update.ts";
import { acceptUpdate, decodeUpdatesInSteps } from "../protocol/update-decoding.ts";
import { authorizePublisher } from "./authentication.ts";
import { inSteps, inTurn } from "./body-queue.ts";
import type { AppContext, Site } from "./context.ts";
import { callToChange, Problem } from "./problem.ts";
import { readPublishBody, type PublishBody } from "./publish-body.ts";

/** `POST /v1/feeds/{feed}` */
export function publish(c: AppContext): Promise<Response> {
  return publishTo(c.get("feed"), c.req.raw, c.var, (going) => c.executionCtx.waitUntil(going));
}

/** Publishes what a request brings, if it may. `keep` gets what has to go on even if the request is broken off. */
export async function publishTo(
  feed: string,
  request: Request,
  { deployment, knownFeeds, refusedBodies }: Site,
  keep: (going: Promise<unknown>) => void,
): Promise<Response> {
  const caller = await authorizePublisher(deployment, request, feed);
  const key = readIdempotencyKey(request);
  const body = await readPublishBody(request, caller);
  const { bytes } = body;
  const size = bytes.byteLength;
  const send = async (): Promise<string | PublishOutcome> => {
    refusedBodies.demandCredit(caller, size);
    let batch: string | Promise<string>;
    try {
      batch = encodeSingle(body) ?? inSteps(encodeBatch(body));
      if (typeof batch !== "string") batch = await batch;
    } catch (error) {
      refusedBodies.spend(caller, size);
      throw error;
    }
    const asking = knownFeeds.demandRoom(feed, caller);
    if (asking) await asking;
    const { id: credential, principal } = caller;
    const idempotency = key === undefined ? undefined : { key, digest: await digest(bytes), credential, principal };
    const object = deployment.feeds.getByName(feed);
    return callToChange(() => object.acceptBatch(batch, caller.id, idempotency, caller.subject));
  };
  const outcome = await inTurn(caller, size, send, keep);
  if (typeof outcome === "string") return new Response(outcome, { headers: RECEIPT_HEADERS });
  if (outcome.ok) {
    const headers = new Headers(RECEIPT_HEADERS);
    if (outcome.replayed) headers.set("Idempotency-Replayed", "true");
    return new Response(encodeReceipt(feed, outcome.receipt), { headers });
  }
  const { code, detail = "No update of the batch was accepted.", issues, retryAfter } = outcome;
  throw new Problem(code, detail, { issues, retryAfter });
}

/** The text of one short and good update, as most bodies are; undefined for any other body. */
function encodeSingle(body: PublishBody): string | undefined {
  const accepted = acceptUpdate(body.parseShort());
  return accepted?.ok === true ? accepted.text : undefined;
}

/** Parses and checks a body, and encodes it. Yields the work done. */
function* encodeBatch(body: PublishBody): Generator<number, string> {
  return yield* encodeUpdates(yield* body.parse());
}

/** Checks updates, and encodes them as the feed's object takes them: a line for each. Yields the work done. */
export function* encodeUpdates(inputs: readonly unknown[]): Generator<number, string> {
  if (inputs.length > LIMITS.batchUpdates)
    throw new Problem("too_large", `The batch has ${inputs.length} updates; ${LIMITS.batchUpdates} are allowed.`);
  const decoded = yield* decodeUpdatesInSteps(inputs);
  if (!decoded.ok)
    throw new Problem("invalid_update", "No update of the batch was accepted.", { issues: decoded.issues });
  if (!batchTooLarge(decoded.updates)) return decoded.updates.join("\n");
  throw new Problem(
    "too_large",
    `The batch is longer than ${LIMITS.encodedBatchBytes} bytes with its numbers written out.`,
  );
}

/** For programs, and sent most often: without the headers that matter only to pages. */
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

/** 128 bits of SHA-256: enough to tell one publisher's bodies apart, and short to store. */
async function digest(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return btoa(String.fromCharCode(...new Uint8Array(hash, 0, 16))).slice(0, 22);
}
