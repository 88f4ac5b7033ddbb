import { isJsonObject, type JsonObject } from "../protocol/json.ts";

/** Throws where a message is not what it must be. */
export function expectThat(holds: boolean, what = "malformed"): asserts holds {
  if (!holds) throw new Error(what);
}

export function objectOf(value: unknown): JsonObject {
  expectThat(isJsonObject(value));
  return value;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
