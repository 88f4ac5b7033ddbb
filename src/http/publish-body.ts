import { LIMITS } from "../protocol/limits.ts";
import { OVERSIZED, parseJsonInSteps, STEP_WORK } from "../protocol/long-json.ts";
import { parseMsgpackInSteps } from "../protocol/msgpack-frames.ts";
import { holdBody, SHORT, type ArrivingBody, type Sender } from "./arriving-bodies.ts";
import { Problem } from "./problem.ts";

/** A publish body that has arrived and is not parsed yet. */
export interface PublishBody {
  /** The body, after inflating. */
  readonly bytes: Uint8Array;
  /** Parses it into untrusted values, one for each update. Yields after each step how many characters it was. */
  parse(): Generator<number, readonly unknown[]>;
}

/** Reads a publish body: JSON, NDJSON or MessagePack, plain or gzip, and no more of it than the limit. */
export async function readPublishBody(request: Request, sender: Sender): Promise<PublishBody> {
  const type = mediaType(request);
  const length = Number(request.headers.get("Content-Length") ?? NaN);
  const isPlain = request.headers.get("Content-Encoding") === null;
  // A short one is not worth a timer: a publisher that never ends it keeps nothing waiting but itself.
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

/** Reads a body that takes memory and time. */
async function readLong(request: Request, sender: Sender): Promise<Uint8Array> {
  const arriving = holdBody(sender);
  try {
    return await inTime(readBytes(request, arriving));
  } finally {
    arriving.release();
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

/** Stops waiting for a body that arrives too slowly. */
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
  let unreported = 0;
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const steps = parseJsonInSteps(line);
    let step = steps.next();
    // A long line reports its work itself.
    for (unreported += line.length; step.done !== true; step = steps.next()) {
      yield step.value;
      unreported = Math.max(0, unreported - step.value);
    }
    const parsed = step.value;
    if (!parsed.ok && parsed.oversized) throw oversized();
    if (!parsed.ok) throw new Problem("invalid_json", `Line ${i + 1} cannot be read: ${parsed.reason}.`);
    inputs.push(parsed.value);
    if (unreported < STEP_WORK) continue;
    yield unreported;
    unreported = 0;
  }
  return inputs;
}
