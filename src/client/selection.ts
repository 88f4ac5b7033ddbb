import type { Selection } from "./types.ts";

/** A copy of the user's object, which may change, such that what selects the same is equal. */
export function normaliseSelection({ keys = [], hz, mode }: Selection): Selection {
  const given: unknown = keys;
  if (!Array.isArray(given)) throw new TypeError("keys is not an array");
  return { keys: keys.toSorted(), hz, mode: mode === "latest" ? undefined : mode };
}

/** Tells whether `keys` select a key: exactly, or by a `prefix*`. No keys at all select everything. */
export function keyFilter({ keys = [] }: Selection): (key: string) => boolean {
  const exact = new Set(keys);
  const prefixes = keys.filter((key) => key.endsWith("*")).map((key) => key.slice(0, -1));
  return (key) => exact.size === 0 || exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
}
