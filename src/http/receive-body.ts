import { inTime } from "../limits/in-time.ts";
import { LIMITS } from "../protocol/limits.ts";
import { holdBody, SHORT, type ArrivingBody, type Sender } from "./arriving-bodies.ts";
import { Problem } from "./problem.ts";

/** Receives a body, inflated, and no more of it than the limit. A long one has to arrive in time. */
export async function receiveBody(request: Request, sender: Sender): Promise<Uint8Array> {
  const length = Number(request.headers.get("Content-Length") ?? NaN);
  const isPlain = request.headers.get("Content-Encoding") === null;
  // A short one is not worth a timer: a publisher that never ends it keeps nothing waiting but itself.
  if (isPlain && length <= SHORT) return readBytes(request);
  const arriving = holdBody(sender);
  try {
    return await inTime(readBytes(request, arriving), LIMITS.bodyTime, tooLate);
  } finally {
    arriving.release();
  }
}

function tooLate(): Problem {
  return new Problem("invalid_json", `The body did not arrive within ${LIMITS.bodyTime / 1000} seconds.`);
}

async function readBytes(request: Request, arriving?: ArrivingBody): Promise<Uint8Array> {
  const encoding = (request.headers.get("Content-Encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new Problem("unsupported_media_type", "The only Content-Encoding is gzip.", {
      headers: { "Accept-Encoding": "gzip" },
    });
  }
  const length = request.headers.get("Content-Length");
  if (Number(length) > LIMITS.batchBytes) throw tooLarge();
  try {
    // HTTP lets no more bytes through than were announced, and to take them in one go costs less than a reader.
    if (encoding === "identity" && length !== null && !arriving) return await readWhole(request);
    if (!request.body) return new Uint8Array();
    if (encoding === "identity") return await collect(request.body, chunkOf(Number(length)), arriving);
    return await collect(request.body.pipeThrough(new DecompressionStream("gzip")), CHUNK, arriving);
  } catch (error) {
    if (error instanceof Problem) throw error;
    // It broke off, or its chunks or its compression are invalid: the sender's fault, not the server's.
    throw new Problem(
      "invalid_json",
      encoding === "gzip" ? "The body is not valid gzip." : "The body did not arrive whole.",
    );
  }
}

/** Checks the length all the same: a request from another Worker can announce a false one. */
async function readWhole(request: Request): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > LIMITS.batchBytes) throw tooLarge();
  return bytes;
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
