import { isJsonObject, type Json, type JsonObject } from "./json.ts";

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
