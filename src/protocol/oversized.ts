import { LIMITS } from "./limits.ts";

/**
 * What an object's members and an array's items may be at most. A member takes five bytes of JSON at least, an item two: a
 * value of `LIMITS.valueBytes` has fewer of both, and nothing else on the wire has so many.
 */
export const MEMBERS = LIMITS.valueBytes / 4;
export const ITEMS = LIMITS.valueBytes / 2;

export const OVERSIZED = "an object, an array or all of it is longer than it may be";

const [QUOTE, COMMA, BACKSLASH, OPEN_LIST, OPEN_OBJECT] = [0x22, 0x2c, 0x5c, 0x5b, 0x7b];
/** From a bracket that opens to the one that closes it. */
const TWO = 2;

/**
 * Whether JSON text has an object or an array that is too long to be part of anything that is kept. Looked for before it
 * is read: making such an object takes many times as long. Of what is no JSON it may say anything.
 */
export function isOversized(text: string): boolean {
  if (text.length <= LIMITS.valueBytes) return false;
  /** How many commas each of the open objects and arrays may still have; those of the innermost are `left`. */
  const outer: number[] = [];
  let left = ITEMS;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === QUOTE) i = endOfString(text, i);
    else if (unit === COMMA) {
      if (--left < 0) return true;
    } else if (unit === OPEN_LIST || unit === OPEN_OBJECT) {
      outer.push(left);
      left = unit === OPEN_LIST ? ITEMS : MEMBERS;
    } else if (unit === OPEN_LIST + TWO || unit === OPEN_OBJECT + TWO) left = outer.pop() ?? ITEMS;
  }
  return false;
}

/** Where the string that begins at `start` ends. Most of a long text is in strings: a search passes over them at once. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
}
