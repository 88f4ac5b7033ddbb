import { LIMITS } from "../protocol/limits.ts";
import { OVERSIZED, parseJsonInSteps, STEP_WORK } from "../protocol/long-json.ts";
import { parseMsgpackInSteps } from "../protocol/msgpack-frames.ts";
import { hold, SHORT, type Holding, type Sender } from "./intake.ts";
import { Problem } from "./problem.ts";

/** A publish body, read and not yet taken apart. */
export interface PublishBody {
  /** The body as it was after inflating. */
  readonly bytes: Uint8Array;
  /** Takes it apart: untrusted values, one an update. After each piece it yields how many characters that was. */
  parse(): Generator<number, readonly unknown[]>;
}

/** Reads a caller's publish body: JSON, NDJSON or MessagePack, plain or gzip. Takes no more than the limit. */
export async function readPublishBody(request: Request, sender: Sender): Promise<PublishBody> {
  const type = mediaType(request);
  const length = Number(request.headers.get("Content-Length") ?? NaN);
  const isPlain = request.headers.get("Content-Encoding") === null;
  // A short one is not worth a timer: who may publish and never ends it waits, and nothing else does.
  const bytes = await (isPlain && length <= SHORT ? readBytes(request) : readLong(request, sender));
  return {
    bytes,
    *parse() {
      const inputs = yield* type === NDJSON ? parseLines(decodeText(bytes)) : parseWhole(bytes, type === PACKED);
      if (inputs.length <= LIMITS.batchUpdates) return inputs;
      throw new Problem("too_large", `The batch has ${inputs.length} updates; ${LIMITS.batchUpdates} are allowed.`);
    },
  };
}

/** Reads what takes memory and time. */
async function readLong(request: Request, sender: Sender): Promise<Uint8Array> {
  const holding = hold(sender);
  try {
    return await inTime(readBytes(request, holding));
  } finally {
    holding.release();
  }
}

const JSON_TYPE = "application/json";
const NDJSON = "application/x-ndjson";
const PACKED = "application/msgpack";
const ACCEPTED = [JSON_TYPE, NDJSON, PACKED];

function mediaType(request: Request): string {
  const [type = "", ...parameters] = (request.headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const name = type.trim();
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (isUtf8 && ACCEPTED.includes(name)) return name;
  throw new Problem("unsupported_media_type", `Send one of the Content-Types ${ACCEPTED.join(", ")}, text in UTF-8.`, {
    headers: { "Accept-Post": ACCEPTED.join(", ") },
  });
}

async function readBytes(request: Request, holding?: Holding): Promise<Uint8Array> {
  const encoding = (request.headers.get("Content-Encoding") ?? "identity").trim().toLowerCase();
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new Problem("unsupported_media_type", "The only Content-Encoding is gzip.", {
      headers: { "Accept-Encoding": "gzip" },
    });
  }
  const length = request.headers.get("Content-Length");
  if (Number(length) > LIMITS.batchBytes) throw tooLarge();
  try {
    // HTTP lets no more bytes through than were said to come, and taking them in one go costs less than a reader.
    if (encoding === "identity" && length !== null && !holding) return await readWhole(request);
    if (!request.body) return new Uint8Array();
    if (encoding === "identity") return await collect(request.body, chunkOf(Number(length)), holding);
    return await collect(request.body.pipeThrough(new DecompressionStream("gzip")), CHUNK, holding);
  } catch (error) {
    if (error instanceof Problem) throw error;
    // It broke off, or its chunks or its compression make no sense: the sender's fault, not the server's.
    throw new Problem(
      "invalid_json",
      encoding === "gzip" ? "The body is not valid gzip." : "The body did not arrive whole.",
    );
  }
}

/** Ends waiting for a body that only trickles in. */
async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Problem("invalid_json", `The body did not arrive within ${LIMITS.bodyTime / 1000} seconds.`)),
      LIMITS.bodyTime,
    );
  });
  try {
    return await Promise.race([reading, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at the length all the same: a request that another Worker makes can say one that is not true. */
async function readWhole(request: Request): Promise<Uint8Array> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  if (bytes.byteLength > LIMITS.batchBytes) throw tooLarge();
  return bytes;
}

/** Bytes that are taken of a body at a time: few at a time would cost more than all else that is done with them. */
const CHUNK = 64 * 1024;

/** A stream that a Worker made itself may have no such reader. */
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

/** Stops reading at the limit, whatever the length was said to be and however well the body was compressed. */
async function collect(
  stream: ReadableStream<Uint8Array>,
  chunk: number,
  holding: Holding | undefined,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = readerOf(stream);
  try {
    for (let more = true; more;) {
      holding?.grow(chunk);
      const { done, value } = await reader.readAtLeast(chunk, new Uint8Array(chunk));
      if (value) parts.push(value);
      length += value?.byteLength ?? 0;
      if (length > LIMITS.batchBytes) throw tooLarge();
      // What is shorter was the last.
      more = !done && value.byteLength === chunk;
    }
  } catch (error) {
    // Not awaited: whether the sender takes notice is its own affair.
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

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Problem("invalid_json", "The body is not valid UTF-8.");
  }
}

function* parseWhole(bytes: Uint8Array, isPacked: boolean): Generator<number, readonly unknown[]> {
  const parsed = yield* isPacked ? parseMsgpackInSteps(bytes) : parseJsonInSteps(decodeText(bytes));
  if (!parsed.ok && parsed.oversized) throw oversized();
  if (!parsed.ok) throw new Problem("invalid_json", `The body cannot be read: ${parsed.reason}.`);
  return Array.isArray(parsed.value) ? parsed.value : [parsed.value];
}

function oversized(): Problem {
  return new Problem("too_large", `In the body ${OVERSIZED}.`);
}

function* parseLines(text: string): Generator<number, readonly unknown[]> {
  const inputs: unknown[] = [];
  let read = 0;
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = yield* parseJsonInSteps(line);
    if (!parsed.ok && parsed.oversized) throw oversized();
    if (!parsed.ok) throw new Problem("invalid_json", `Line ${i + 1} cannot be read: ${parsed.reason}.`);
    inputs.push(parsed.value);
    read += line.length;
    if (read < STEP_WORK) continue;
    yield read;
    read = 0;
  }
  return inputs;
}
