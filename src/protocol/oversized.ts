import { LIMITS } from "./limits.ts";

/**
 * What an object's members and an array's items may be at most. A member takes five bytes of JSON at least, an item two: a
 * value of `LIMITS.valueBytes` has fewer of both, and nothing else on the wire has so many.
 */
export const MEMBERS = LIMITS.valueBytes / 4;
export const ITEMS = LIMITS.valueBytes / 2;

export const OVERSIZED = "an object, an array or all of it is longer than it may be";
