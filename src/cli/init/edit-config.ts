import { isDeepStrictEqual } from "node:util";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { Failure } from "../failure.ts";
import { addToJsonc } from "./edit-jsonc.ts";
import { addToToml, tomlOf } from "./edit-toml.ts";
import type { Addition } from "./needs.ts";
import { parseConfig, type WranglerConfig } from "./wrangler-config.ts";

/**
 * The config's text with the additions, and all else in it as it was, comments included. The result is read again: a text
 * that does not say what it should is not handed out, but a `Failure` with the lines to add.
 */
export function edited({ name, text, value }: WranglerConfig, additions: readonly Addition[]): string {
  const isToml = name.endsWith(".toml");
  const expected = additions.reduce(withAddition, value);
  try {
    const result = additions.reduce(isToml ? addToToml : addToJsonc, text);
    if (isDeepStrictEqual(parseConfig(name, result), expected)) return result;
  } catch {
    // It cannot be read any more, which is no other case.
  }
  const lines = isToml ? additions.map(tomlOf).join("\n") : JSON.stringify(expected, undefined, 2);
  throw new Failure(
    `${name} is written in a way that cannot be added to. It has to ${isToml ? "have" : "be"}:\n\n${lines}`,
  );
}

function withAddition(config: JsonObject, { path, append, set }: Addition): JsonObject {
  return withValue(config, path, (old) => (append ? [...(Array.isArray(old) ? old : []), ...append] : set));
}

function withValue(config: JsonObject, path: readonly string[], change: (old: Json | undefined) => Json): JsonObject {
  const [name = "", ...rest] = path;
  const old = config[name];
  const value = rest.length === 0 ? change(old) : withValue(isJsonObject(old) ? old : {}, rest, change);
  return { ...config, [name]: value };
}
