import { parseJson, type Parsed } from "../protocol/json.ts";
import { OVERSIZED, parseJsonInSteps, STEP_WORK } from "../protocol/long-json.ts";
import { parseMsgpackInSteps } from "../protocol/msgpack-frames.ts";
import type { Sender } from "./arriving-bodies.ts";
import { Problem } from "./problem.ts";
import { receiveBody } from "./receive-body.ts";

/** A publish body that has arrived and is not parsed yet. */
export interface PublishBody {
  /** The body, after inflating. */
  readonly bytes: Uint8Array;
  /** Parses it into untrusted values, one for each update. Yields after each step how many characters it was. */
  parse(): Generator<number, readonly unknown[]>;
  /** Parses it at once if it is JSON and short; undefined if not, or if it cannot be parsed. */
  parseShort(): unknown;
}

/** Bytes up to which a body is parsed at once: steps take longer than parsing that. */
const AT_ONCE = 4 * 1024;

/** Reads a publish body: JSON, NDJSON or MessagePack, plain or gzip, and no more of it than the limit. */
export async function readPublishBody(request: Request, sender: Sender): Promise<PublishBody> {
  const type = mediaType(request);
  const bytes = await receiveBody(request, sender);
  return {
    bytes,
    parse: () => (type === NDJSON ? parseLines(decodeText(bytes)) : parseWhole(bytes, type === PACKED)),
    parseShort() {
      if (type !== JSON_TYPE || bytes.byteLength > AT_ONCE) return undefined;
      const parsed = parseJson(decodeText(bytes));
      return parsed.ok ? parsed.value : undefined;
    },
  };
}

const JSON_TYPE = "application/json";
const NDJSON = "application/x-ndjson";
const PACKED = "application/msgpack";
const ACCEPTED = [JSON_TYPE, NDJSON, PACKED];

function mediaType(request: Request): string {
  const given = request.headers.get("Content-Type") ?? "";
  if (given === JSON_TYPE) return given;
  const [type = "", ...parameters] = given.toLowerCase().split(";");
  const name = type.trim();
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (isUtf8 && ACCEPTED.includes(name)) return name;
  throw new Problem("unsupported_media_type", `Send one of the Content-Types ${ACCEPTED.join(", ")}, text in UTF-8.`, {
    headers: { "Accept-Post": ACCEPTED.join(", ") },
  });
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
  const value = valueOf(parsed, "The body");
  return Array.isArray(value) ? value : [value];
}

function valueOf(parsed: Parsed, name: string): unknown {
  if (parsed.ok) return parsed.value;
  if (parsed.oversized) throw new Problem("too_large", `In the body ${OVERSIZED}.`);
  throw new Problem("invalid_json", `${name} cannot be read: ${parsed.reason}.`);
}

function* parseLines(text: string): Generator<number, readonly unknown[]> {
  const inputs: unknown[] = [];
  /** Characters that were parsed and not yielded yet. */
  let work = 0;
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    work += line.length;
    const steps = parseJsonInSteps(line);
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) {
      // A long line yields its own work.
      yield step.value;
      work = Math.max(0, work - step.value);
    }
    inputs.push(valueOf(step.value, `Line ${i + 1}`));
    if (work < STEP_WORK) continue;
    yield work;
    work = 0;
  }
  return inputs;
}
