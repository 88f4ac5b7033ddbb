import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseJsonc, printParseErrorCode, type ParseError } from "jsonc-parser";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import { isJsonObject, type JsonObject } from "../../protocol/json.ts";
import { Failure, messageOf } from "../failure.ts";

/** The names that wrangler looks for, in its order. */
const NAMES = ["wrangler.json", "wrangler.jsonc", "wrangler.toml"];

/** A wrangler config as it is in its file. */
export interface WranglerConfig {
  /** In its folder, e.g. `wrangler.toml`. */
  readonly name: string;
  readonly text: string;
  readonly value: JsonObject;
}

/** The folder's config, or undefined if it has none. */
export function readWranglerConfig(folder: string): WranglerConfig | undefined {
  const name = NAMES.find((name) => existsSync(join(folder, name)));
  if (name === undefined) return undefined;
  const text = readFileSync(join(folder, name), "utf8");
  return { name, text, value: parseConfig(name, text) };
}

export function parseConfig(name: string, text: string): JsonObject {
  const value = name.endsWith(".toml") ? parseToml(name, text) : parseJson(name, text);
  if (!isJsonObject(value)) throw new Failure(`${name} is not understood: it has no members.`);
  return value;
}

function parseToml(name: string, text: string): unknown {
  try {
    // wrangler reads TOML 1.0 too.
    return getStaticTOMLValue(parseTOML(text, { tomlVersion: "1.0" }));
  } catch (error) {
    throw new Failure(`${name} is not understood: ${messageOf(error)}`);
  }
}

export function parseJson(name: string, text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parseJsonc(text, errors, { allowTrailingComma: true });
  const [error] = errors;
  if (!error) return value;
  const line = text.slice(0, error.offset).split("\n").length;
  throw new Failure(`${name} is not understood: ${printParseErrorCode(error.error)} in line ${line}.`);
}

/** An object that stands in a config, or one without members. */
export function objectAt(value: JsonObject, ...path: readonly string[]): JsonObject {
  let found = value;
  for (const name of path) {
    const next = found[name];
    found = isJsonObject(next) ? next : {};
  }
  return found;
}

/** The objects of a list in a config. */
export function listAt(value: JsonObject, ...path: readonly string[]): JsonObject[] {
  const list = objectAt(value, ...path.slice(0, -1))[path.at(-1) ?? ""];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

/** The texts of a list in a config. */
export function textsAt(value: JsonObject, name: string): string[] {
  const list = value[name];
  return Array.isArray(list) ? list.filter((text) => typeof text === "string") : [];
}

/** The folder's `[vars]` that are text; none where there is no config, or none that is understood. */
export function readWranglerVars(folder: string): Record<string, string> {
  try {
    const vars = objectAt(readWranglerConfig(folder)?.value ?? {}, "vars");
    return Object.fromEntries(
      Object.entries(vars).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    );
  } catch {
    return {};
  }
}
