import { inTime } from "../limits/in-time.ts";
import { LIMITS } from "../protocol/limits.ts";
import { holdBody, SHORT, type ArrivingBody, type Sender } from "./arriving-bodies.ts";
import { Problem } from "./problem.ts";

/** Receives a body, inflated, and no more of it than the limit. A long one has to arrive in time. */
export function receiveBody(request: Request, sender: Sender): Promise<Uint8Array> {
  const { headers } = request;
  const length = headers.get("Content-Length");
  const encoding = headers.get("Content-Encoding");
  // A short one is not worth a timer: a publisher that never ends it keeps nothing waiting but itself. HTTP lets no more
  // bytes through than were announced, and to take them in one go costs less than a reader.
  if (encoding === null && length !== null && Number(length) <= SHORT) return readWhole(request);
  return receiveLong(request, sender, (encoding ?? "identity").trim().toLowerCase(), Number(length ?? NaN));
}

async function receiveLong(request: Request, sender: Sender, encoding: string, length: number): Promise<Uint8Array> {
  const arriving = holdBody(sender);
  try {
    return await inTime(readBytes(request, encoding, length, arriving), LIMITS.bodyTime, tooLate);
  } finally {
    arriving.release();
  }
}

function tooLate(): Problem {
  return new Problem("invalid_json", `The body did not arrive within ${LIMITS.bodyTime / 1000} seconds.`);
}

async function readBytes(
  request: Request,
  encoding: string,
  length: number,
  arriving: ArrivingBody,
): Promise<Uint8Array> {
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new Problem("unsupported_media_type", "The only Content-Encoding is gzip.", {
      headers: { "Accept-Encoding": "gzip" },
    });
  }
  if (length > LIMITS.batchBytes) throw tooLarge();
  try {
    if (!request.body) return new Uint8Array();
    if (encoding === "identity") return await collect(request.body, chunkOf(length), arriving);
    return await collect(request.body.pipeThrough(new DecompressionStream("gzip")), CHUNK, arriving);
  } catch (error) {
    throw brokenOff(error, encoding);
  }
}

/** Checks the length all the same: a request from another Worker can announce a false one. */
async function readWhole(request: Request): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await request.arrayBuffer());
  } catch (error) {
    throw brokenOff(error, "identity");
  }
  if (bytes.byteLength > LIMITS.batchBytes) throw tooLarge();
  return bytes;
}

/** It broke off, or its chunks or its compression are invalid: the sender's fault, not the server's. */
function brokenOff(error: unknown, encoding: string): Problem {
  if (error instanceof Problem) return error;
  const detail = encoding === "gzip" ? "The body is not valid gzip." : "The body did not arrive whole.";
  return new Problem("invalid_json", detail);
}

/** Bytes that are read at a time: fewer would cost more than everything else that is done with them. */
const CHUNK = 64 * 1024;

/** A stream that another Worker made may have no such reader. */
function readerOf(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    return stream.pipeThrough(new IdentityTransformStream()).getReader({ mode: "byob" });
  }
}

function chunkOf(length: number): number {
  return length > 0 ? Math.min(Math.max(length, SHORT), CHUNK) : CHUNK;
}

/** Stops reading at the limit, whatever length was announced and however well the body is compressed. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  chunk: number,
  arriving: ArrivingBody | undefined,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = readerOf(stream);
  try {
    for (let more = true; more;) {
      arriving?.grow(chunk);
      const { done, value } = await reader.readAtLeast(chunk, new Uint8Array(chunk));
      if (value) parts.push(value);
      length += value?.byteLength ?? 0;
      if (length > LIMITS.batchBytes) throw tooLarge();
      // A shorter chunk is the last one.
      more = !done && value.byteLength === chunk;
    }
  } catch (error) {
    // Not awaited: nothing depends on when the sender notices.
    void reader.cancel().catch(() => {});
    throw error;
  }
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

function tooLarge(): Problem {
  return new Problem("too_large", `The body may have ${LIMITS.batchBytes} bytes, after inflating.`);
}
