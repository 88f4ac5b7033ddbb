import { encodeUpdate } from "../protocol/encode-published.ts";
import { BATCH_BYTES, BATCH_UPDATES } from "../protocol/limits.ts";
import type { Outcome } from "./outcome.ts";
import type { Update } from "./types.ts";

/** What one call of `publish` publishes. Encoded at once: the caller may go on to change its objects. */
export interface CallContent {
  /** The updates as JSON, with commas between them. */
  readonly text: string;
  readonly bytes: number;
  readonly count: number;
  readonly keys: readonly string[];
  /** Whether it is a single `set`; its version, if it has one. */
  readonly isSet: boolean;
  readonly version: number | undefined;
}

/** One call of `publish` or `send` that waits for its receipt, or several that were merged into one. */
export interface Call extends CallContent {
  /** One for each call that it stands for. */
  readonly outcomes: readonly Outcome[];
}

/** Whether anyone waits for the outcome. */
export function isAwaited({ outcomes }: Call): boolean {
  return outcomes.some((outcome) => outcome.isAwaited);
}

const utf8 = new TextEncoder();

/** Throws a `RangeError` or `TypeError` for what no server could take. */
export function encodeCall(input: Update | readonly Update[]): CallContent {
  const updates = isBatch(input) ? input : [input];
  if (updates.length === 0) throw new RangeError("The batch is empty.");
  if (updates.length > BATCH_UPDATES) {
    throw new RangeError(tooLarge(updates.length, "updates", BATCH_UPDATES));
  }
  const text = updates.map(encodeUpdate).join(",");
  const bytes = utf8.encode(text).byteLength;
  // Two more for the brackets around it.
  if (bytes + 2 > BATCH_BYTES) {
    throw new RangeError(tooLarge(bytes, "bytes as JSON", BATCH_BYTES));
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

/** The updates of these calls as they were when they were published. */
export function updatesOf(calls: readonly CallContent[]): Update[] {
  return JSON.parse(bodyOf(calls));
}

/** The updates of these calls as a JSON array. */
export function bodyOf(calls: readonly CallContent[]): string {
  return `[${calls.map(({ text }) => text).join(",")}]`;
}
