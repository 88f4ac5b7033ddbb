/*
 * Finds names and values in JSON text without parsing it. All but `skipString` are only for JSON that this server wrote
 * itself: without white space or mistakes.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** So many characters are looked at one by one; then `indexOf` searches. Most strings are shorter. */
const NEAR = 32;

/** Returns where the string that begins at `start` ends: the index after its closing quote. */
export function skipString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    for (const near = at + NEAR; at < near; at++) {
      const unit = text.charCodeAt(at);
      if (unit === QUOTE) return at + 1;
      if (unit === BACKSLASH) at++;
    }
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let first = quote;
    while (first > at && text.charCodeAt(first - 1) === BACKSLASH) first--;
    at = quote + 1;
    // An odd number of backslashes: the last one belongs to the quote.
    if ((quote - first) % 2 === 0) return at;
  }
}

/** Returns where the value that begins at `start` ends. */
export function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipRest(text, start + 1);
  // A number, `true`, `false` or `null` ends where something else begins.
  let at = start;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COMMA || unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) return at;
  }
  return at;
}

/** Returns where the object or array ends that `start` is inside of. */
export function skipRest(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length;) {
    const unit = text.charCodeAt(at);
    at++;
    if (unit === QUOTE) at = skipString(text, at - 1);
    // `{` and `[`, `}` and `]` differ in one bit.
    else if ((unit | 0x20) === OPEN_OBJECT) depth++;
    else if ((unit | 0x20) === CLOSE_OBJECT) {
      depth--;
      if (depth === 0) return at;
    }
  }
  return text.length;
}

export function isObjectAt(text: string, start: number): boolean {
  return text.charCodeAt(start) === OPEN_OBJECT;
}

/**
 * Calls `read` for each member of the object that begins at `start`, and returns where the object ends. `read` gets where
 * the name begins and ends, with its quotes, and where the value begins. It returns where the value ends.
 */
export function readMembers(
  text: string,
  start: number,
  read: (nameStart: number, nameEnd: number, valueStart: number) => number,
): number {
  let at = start + 1;
  while (text.charCodeAt(at) !== CLOSE_OBJECT && at < text.length) {
    const nameEnd = skipString(text, at);
    const end = read(at, nameEnd, nameEnd + 1);
    at = text.charCodeAt(end) === COMMA ? end + 1 : end;
  }
  return at + 1;
}

/** One of 32 bits for a name as it is written, with its quotes: by its length, its first and its last character. */
export function mark(text: string, start: number, end: number): number {
  return 1 << (7 * (end - start) + 5 * text.charCodeAt(start + 1) + text.charCodeAt(end - 2));
}

/** Another one: by the characters before the last. */
export function ending(text: string, start: number, end: number): number {
  const last = Math.max(start, end - 4);
  return 1 << (text.charCodeAt(last) + 11 * text.charCodeAt(last + 1));
}

/** The names of an object's members, with their quotes. They are parts of its text. */
export function memberNames(text: string): Set<string> {
  const names = new Set<string>();
  readMembers(text, 0, (nameStart, nameEnd, valueStart) => {
    names.add(text.slice(nameStart, nameEnd));
    return skipValue(text, valueStart);
  });
  return names;
}

/** A text whose parts are replaced one after the other, from its beginning to its end. */
export class Splice {
  readonly text: string;
  readonly #pieces: string[] = [];
  #done = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Replaces the text between two indexes by `piece`. Neither index may be before those of the last call. */
  replace(from: number, to: number, piece: string): void {
    this.#pieces.push(this.text.slice(this.#done, from), piece);
    this.#done = to;
  }

  /** The new text, in one piece. */
  finish(): string {
    if (this.#pieces.length === 0) return this.text;
    this.#pieces.push(this.text.slice(this.#done));
    return this.#pieces.join("");
  }
}

// A regular expression takes a third of the time of a loop over the characters.
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Whether every character takes one byte, as UTF-8 and in memory. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** V8 copies parts of strings that are shorter than this. Longer ones refer to the whole string. */
const COPIED = 13;

/**
 * Copies a part of a longer string, which would keep all of the longer one in memory. `isNarrow` says that the longer one
 * was ASCII. A part of any other string takes two bytes a character until it is written again.
 */
export function ownText(text: string, isNarrow: boolean): string {
  if (text.length < COPIED) return text;
  if (!isNarrow && isAscii(text)) return JSON.parse(JSON.stringify(text));
  return [text.slice(0, 1), text.slice(1)].join("");
}
