import { acceptanceOf, answerOf, parseObject, type Answer } from "./answer.ts";
import { bodyOf } from "./call.ts";
import type { Destination } from "./destination.ts";
import { PublishRefusedError } from "./errors.ts";
import type { Admit, Answered, Line } from "./line.ts";
import type { Batch } from "./session.ts";
import { within } from "./timer.ts";

type PostSettings = Pick<Destination, "url" | "key" | "fetch" | "timeout" | "gzipOver">;

/** Node's codes for a request that never left. */
const NEVER_SENT = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"]);

/** POSTs, one at a time: over HTTP a later request may overtake. */
export function postLine(settings: PostSettings, admit: Admit, answered: Answered): Line {
  const closing = new AbortController();
  const send = async (batch: Batch): Promise<void> => {
    const answer = await post(settings, batch, admit, closing.signal);
    if (!closing.signal.aborted) answered(batch, answer);
  };
  return {
    transport: "http",
    inFlight: 1,
    isCongested: false,
    send: (batch) => void send(batch),
    close: () => closing.abort(),
  };
}

/** Sends a batch with a fresh key. Never rejects: a network failure is an answer too. */
async function post(
  { url, key: source, fetch, timeout, gzipOver }: PostSettings,
  batch: Batch,
  admit: Admit,
  closing: AbortSignal,
): Promise<Answer> {
  try {
    const body = await encodeBody(bodyOf(batch.calls), gzipOver);
    return await within(timeout, closing, async (signal): Promise<Answer> => {
      const key = typeof source === "function" ? await source() : source;
      signal.throwIfAborted();
      const admission = admit(batch, key);
      if ("problem" in admission) return { type: "refused", error: new PublishRefusedError(admission.problem) };
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "idempotency-key": admission.key,
          ...(typeof body === "string" ? {} : { "content-encoding": "gzip" }),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        body,
        // Followed, a redirect would turn the POST into a GET, and look like success.
        redirect: "manual",
        signal,
      });
      return await read(response);
    });
  } catch (error) {
    const { reason, neverSent } = explainFailure(error);
    const why = batch.sent ? reason : `there is no key: ${reason}`;
    return { type: "failed", reason: why, afterMs: 0, doubtful: batch.sent !== undefined && !neverSent };
  }
}

/** The body as it is sent: gzipped if it is longer than `gzipOver` bytes and the platform can. */
async function encodeBody(text: string, gzipOver: number): Promise<string | Uint8Array<ArrayBuffer>> {
  // A character takes three bytes at most.
  if (text.length * 3 <= gzipOver || typeof CompressionStream === "undefined") return text;
  const blob = new Blob([text]);
  if (blob.size <= gzipOver) return text;
  const packed = new Response(blob.stream().pipeThrough(new CompressionStream("gzip")));
  return new Uint8Array(await packed.arrayBuffer());
}

async function read(response: Response): Promise<Answer> {
  const { ok, status, headers } = response;
  const members = parseObject(await response.text());
  if (!ok) {
    const { code, detail, issues } = members;
    return answerOf({ status, code, detail, issues, retryAfter: retryAfter(headers.get("retry-after"), Date.now()) });
  }
  return acceptanceOf(members);
}

/** What went wrong: `fetch` hides it ("connection refused") in the error's cause. */
function explainFailure(error: unknown): { reason: string; neverSent: boolean } {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return { reason: String(error), neverSent: false };
  const code = "code" in cause ? String(cause.code) : "";
  return { reason: cause.message || code, neverSent: NEVER_SENT.has(code) };
}

/** Retry-After, which is seconds or a date, as milliseconds from now. */
function retryAfter(header: string | null, now: number): number {
  const seconds = Number(header);
  return Number.isNaN(seconds) ? Date.parse(header ?? "") - now : seconds * 1000;
}
