import { isJsonObject, setMember, type Json, type JsonObject } from "./json.ts";

/**
 * Applies an RFC 7396 merge patch and returns the new value. Changes neither argument. `null` removes a member, objects are
 * merged, anything else replaces. A member may have any name, also `__proto__`.
 */
export function applyMergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  // Spread and a computed name take `__proto__` as a member. An assignment would set the prototype.
  let result: JsonObject = isJsonObject(target) ? { ...target } : {};
  // oxlint-disable-next-line oxc/no-accumulating-spread -- at most once; Object.assign would set the prototype
  for (const [name, value] of Object.entries(patch)) {
    const earlier = Object.hasOwn(result, name) ? result[name] : undefined;
    const merged = isJsonObject(value) ? applyMergePatch(earlier, value) : value;
    if (merged === null) delete result[name];
    else if (name === "__proto__") result = { ...result, [name]: merged };
    else result[name] = merged;
  }
  return result;
}

/**
 * Changes the merge patch `first` so that it does what `first` and then `second` do, on any value. Returns false if no
 * patch can: if `first` removes or replaces a member and `second` merges an object into it. A merge patch cannot say "an
 * object with just these members".
 */
export function composeInto(first: JsonObject, second: JsonObject): boolean {
  for (const name of Object.keys(second)) {
    const value = second[name] ?? null;
    if (!isJsonObject(value) || !Object.hasOwn(first, name)) {
      setMember(first, name, copyOf(value));
      continue;
    }
    const earlier = first[name];
    if (!isJsonObject(earlier) || !composeInto(earlier, value)) return false;
  }
  return true;
}

/** A copy that shares no object with it. Lists are shared: a merge patch never changes them. */
export function copyOf<T extends Json>(value: T): T;
export function copyOf(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const name of Object.keys(value)) setMember(result, name, copyOf(value[name] ?? null));
  return result;
}
