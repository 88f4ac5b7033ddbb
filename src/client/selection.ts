import type { JsonObject } from "../protocol/json.ts";
import type { Selection } from "./types.ts";

/** Of any fields. */
export type AnySelection = Selection<string>;

/** A copy of the user's object, which may change, such that what selects the same is equal. */
export function normaliseSelection({ keys = [], fields = [], hz, mode }: AnySelection): AnySelection {
  const names = sorted(fields, "fields", FIELD, "the name of a field");
  return {
    keys: sorted(keys, "keys", PATTERN, "a key or prefix*"),
    // Servers that do not know of fields refuse a `subscribe` that has them.
    fields: names.length > 0 ? names : undefined,
    hz,
    mode: mode === "latest" ? undefined : mode,
  };
}

/** What the server takes. In a URL a comma would make two of one, and an empty one would say nothing. */
const PATTERN = /^(\*|[^\p{Cc}\p{Cs}*,]{1,128}\*?)$/u;
const FIELD = /^[^\p{Cc}\p{Cs},]{1,128}$/u;

/** Throws a `TypeError` that names what is wrong in the list. */
function sorted(list: readonly string[], what: string, allowed: RegExp, meant: string): readonly string[] {
  const given: unknown = list;
  if (!Array.isArray(given)) throw new TypeError(`${what} is not an array`);
  for (const [i, name] of given.entries()) {
    if (typeof name !== "string" || !allowed.test(name)) {
      throw new TypeError(`${what}[${i}] is ${JSON.stringify(name)}, and not ${meant}`);
    }
  }
  return list.toSorted();
}

/** Leaves the members of a value that `fields` name; without any, all of them. */
export function cutter({ fields = [] }: AnySelection): (value: JsonObject) => JsonObject {
  if (fields.length === 0) return (value) => value;
  return (value) => Object.fromEntries(Object.entries(value).filter(([name]) => fields.includes(name)));
}

/** Tells whether `keys` select a key: exactly, or by a `prefix*`. No keys at all select everything. */
export function keyFilter({ keys = [] }: AnySelection): (key: string) => boolean {
  const exact = new Set(keys);
  const prefixes = keys.filter((key) => key.endsWith("*")).map((key) => key.slice(0, -1));
  return (key) => exact.size === 0 || exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
}
