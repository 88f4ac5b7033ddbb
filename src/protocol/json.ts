import { isAscii } from "./json-scan.ts";
import { LIMITS } from "./limits.ts";

/** Any value that JSON can write. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
/** A JSON object. Its members may have any name, `__proto__` included: see `setMember`. */
export interface JsonObject {
  [member: string]: Json;
}

export type Parsed =
  | { ok: true; value: unknown }
  /** `oversized`: the text was not read, because it has more in one place than anything may have. */
  | { ok: false; reason: string; oversized?: boolean };

/** Parses JSON text without throwing. The reason names no content, so that it can be shown to anyone. */
export function parseJson(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, reason: text.trim() === "" ? "there is no text" : "the text is not valid JSON" };
  }
}

/** Reads JSON that this server wrote, and no other: unchecked, since a check would cost as much as the publish did. */
// The caller knows what was written.
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters
export function readOwnJson<T extends Json>(text: string): T {
  return JSON.parse(text);
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Sets a member, whatever its name is. A plain assignment to `__proto__` would change the prototype and set no member. */
export function setMember(object: JsonObject, name: string, value: Json): void {
  if (name === "__proto__") {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    object[name] = value;
  }
}

/**
 * Returns the path and the reason of the first thing in `value` that the server refuses to keep, or undefined:
 * - nesting deeper than `LIMITS.valueDepth`,
 * - more than `LIMITS.valueBytes`, as far as that can be told without writing the value,
 * - a number that JSON cannot write: `1e999` reads as Infinity and would be written as null,
 * - a string that is not well-formed Unicode: it has no UTF-8 form.
 */
export function jsonProblem(value: Json, path: string): JsonProblem | undefined {
  // There is no comma after the outermost value.
  room = LIMITS.valueBytes + 1;
  const problem = findProblem(value, 1);
  if (problem === TOO_LONG) return { path, message: `is larger than ${LIMITS.valueBytes} bytes as JSON` };
  return problem && { path: path + problem.path, message: problem.message };
}

interface JsonProblem {
  path: string;
  message: string;
}

const TOO_LONG: JsonProblem = { path: "", message: "" };
/** Bytes that the value being checked may still take. */
let room = 0;

/** The path is put together on the way back: a good value, as almost all are, costs no strings. */
function findProblem(value: Json, depth: number): JsonProblem | undefined {
  // The least that it can take, with a comma: a value that is too long is not looked at to its end.
  room -= typeof value === "string" ? value.length + 3 : 2;
  if (room < 0) return TOO_LONG;
  if (typeof value === "number") {
    return Number.isFinite(value) ? undefined : { path: "", message: "is a number too large for a double" };
  }
  if (typeof value === "string") {
    return value.isWellFormed() ? undefined : { path: "", message: "is not well-formed Unicode" };
  }
  if (typeof value !== "object" || value === null) return undefined;
  if (depth > LIMITS.valueDepth) return { path: "", message: `is nested deeper than ${LIMITS.valueDepth} levels` };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const problem = findProblem(value[i] ?? null, depth + 1);
      if (problem === TOO_LONG) return problem;
      if (problem) return { path: `[${i}]${problem.path}`, message: problem.message };
    }
    return undefined;
  }
  for (const name of Object.keys(value)) {
    if (!name.isWellFormed()) return { path: "", message: "has a member whose name is not well-formed Unicode" };
    room -= name.length + 3;
    const problem = findProblem(value[name] ?? null, depth + 1);
    if (problem === TOO_LONG) return problem;
    if (problem) return { path: `.${name}${problem.path}`, message: problem.message };
  }
  return undefined;
}

/** Whether `text` takes more than `limit` bytes as UTF-8. Counts them only if the length does not tell. */
export function exceedsBytes(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  return text.length * 3 > limit && utf8Length(text) > limit;
}

/** Bytes that a well-formed string takes as UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  if (isAscii(text)) return bytes;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate pair is two units and four bytes, so each unit adds one.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
