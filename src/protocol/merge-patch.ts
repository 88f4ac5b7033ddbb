import { isJsonObject, setMember, type Json, type JsonObject } from "./json.ts";

/**
 * Applies an RFC 7396 merge patch and returns the new value; neither argument is changed. `null` members are
 * removed, objects are merged, everything else replaces. Member names are data, `__proto__` included.
 */
export function applyMergePatch(target: Json | undefined, patch: JsonObject): JsonObject {
  // Spread and a computed name take a member `__proto__` as the data that it is; assigning it would not.
  let result: JsonObject = isJsonObject(target) ? { ...target } : {};
  // oxlint-disable-next-line oxc/no-accumulating-spread -- once at most; Object.assign would assign it
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
 * One merge patch that does what `first` and then `second` do, whatever they are applied to; nothing where no patch
 * can. That is where `first` removes or replaces a member and `second` merges an object into it: a merge patch
 * cannot say "an object with just these members".
 */
export function composeMergePatches(first: JsonObject, second: JsonObject): JsonObject | undefined {
  const result: JsonObject = {};
  for (const name of Object.keys(first)) setMember(result, name, member(first, name));
  for (const name of Object.keys(second)) {
    const value = member(second, name);
    if (!isJsonObject(value) || !Object.hasOwn(first, name)) {
      setMember(result, name, value);
      continue;
    }
    const earlier = member(first, name);
    const composed = isJsonObject(earlier) ? composeMergePatches(earlier, value) : undefined;
    if (composed === undefined) return undefined;
    setMember(result, name, composed);
  }
  return result;
}

/** An own member's value. Plain indexing reads `__proto__` rightly here: every object was built with `setMember` or parsed. */
function member(object: JsonObject, name: string): Json {
  return object[name] ?? null;
}
