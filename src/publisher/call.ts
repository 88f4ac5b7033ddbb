import type { Receipt, Update } from "./types.ts";

/** The most that the server takes in one POST: updates, and bytes of JSON. */
export const MOST_UPDATES = 1_000;
export const MOST_BYTES = 1024 * 1024;

/** One `publish`. Written down at once: the caller may go on to change its objects. */
export interface Call {
  /** The updates as JSON, with commas between them. */
  readonly text: string;
  readonly bytes: number;
  readonly count: number;
  readonly keys: readonly string[];
  /** Whether it is one `set`, on its own; its version, where it has one. */
  readonly isSet: boolean;
  readonly version: number | undefined;
  /** Shared with the call that it has taken the place of, if any: however many there were, they wait for one thing. */
  readonly receipt: PromiseWithResolvers<Receipt>;
  /** Ends with the receipt, and never as a failure. Of which there is one too, for listeners of a promise add up. */
  readonly settled: Promise<unknown>;
}

/** What one `publish` asked for, before it is known who waits for it. */
export type Content = Omit<Call, "receipt" | "settled">;

const utf8 = new TextEncoder();

/** Throws a `RangeError` or `TypeError` that says what no server could take. */
export function makeCall(input: Update | readonly Update[]): Content {
  const updates = isBatch(input) ? input : [input];
  if (updates.length === 0) throw new RangeError("The batch is empty.");
  if (updates.length > MOST_UPDATES) {
    throw new RangeError(tooLarge(updates.length, "updates", MOST_UPDATES));
  }
  const text = updates.map(encode).join(",");
  const bytes = utf8.encode(text).byteLength;
  // Two more for the brackets around it.
  if (bytes + 2 > MOST_BYTES) {
    throw new RangeError(tooLarge(bytes, "bytes as JSON", MOST_BYTES));
  }
  const only = isBatch(input) ? undefined : input;
  return {
    text,
    bytes,
    count: updates.length,
    keys: updates.map(({ key }) => key),
    isSet: only?.set !== undefined,
    version: only?.version,
  };
}

function tooLarge(size: number, unit: string, most: number): string {
  return `The batch has ${size} ${unit}; ${most} are allowed, for a batch is never split.`;
}

function isBatch(input: Update | readonly Update[]): input is readonly Update[] {
  return Array.isArray(input);
}

function encode(update: Update): string {
  let text: string | undefined = "{}";
  try {
    text = JSON.stringify(update);
  } catch {
    // What is wrong with it is said below.
  }
  // JSON writes NaN and Infinity as null, which in a patch would delete the field, and a Map as {}.
  if (text && /null|{}/.test(text)) text = JSON.stringify(update, refuseUnsaid);
  if (text?.[0] === "{") return text;
  throw new TypeError(`An update is an object with a key and one of set, patch and delete, not ${text}.`);
}

function refuseUnsaid(name: string, value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${name} is ${value}, not a number.`);
  if (typeof value === "bigint" || value instanceof Map || value instanceof Set) {
    throw new TypeError(`${name} is a BigInt, Map or Set: give a number, text, an array or an object.`);
  }
  return value;
}

/** Reads the updates of calls back as they were when they were published. */
export function updatesOf(calls: readonly Call[]): Update[] {
  return JSON.parse(bodyOf(calls));
}

/** The body of a POST that carries these calls. */
export function bodyOf(calls: readonly Call[]): string {
  return `[${calls.map(({ text }) => text).join(",")}]`;
}
