import { isJsonObject, type Json, type JsonObject } from "./json.ts";

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
