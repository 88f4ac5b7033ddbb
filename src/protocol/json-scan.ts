/*
 * Finding one's way in JSON as text. Only for JSON that this server wrote itself: no white space, nothing malformed.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Characters looked at one by one before the end of a string is searched for: most strings are shorter. */
const NEAR = 32;

/** Where the string that begins at `start` ends: the position after its closing quote. */
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

/** Where the value that begins at `start` ends. */
export function skipValue(text: string, start: number): number {
  const first = text.charCodeAt(start);
  if (first === QUOTE) return skipString(text, start);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return skipRest(text, start + 1);
  // A number, `true` and the like end where something else begins.
  let at = start;
  for (; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === COMMA || unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) return at;
  }
  return at;
}

/** Where the object or array ends that `start` lies in. */
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
 * Goes through the members of the object that begins at `start`, and returns where it ends. `read` gets where a name
 * begins and ends, quotes included, and where its value begins, and returns where that ends.
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

/** A text of which pieces are replaced, from its beginning to its end. */
export class Splice {
  readonly text: string;
  readonly #pieces: string[] = [];
  #done = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Puts `piece` in the place of what lies between two positions, which are not before those of the last call. */
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

// One scan by a compiled expression takes a third of what a loop over the characters does.
// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Whether every character takes one byte, as UTF-8 and in memory. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Parts of strings that are shorter than this are copies in any case. */
const COPIED = 13;

/**
 * A string of its own with the same characters: a part of a longer string keeps all of it in memory. `isNarrow` says
 * that the longer one was ASCII; a part of any other takes two bytes a character, until it is written anew.
 */
export function ownText(text: string, isNarrow: boolean): string {
  if (text.length < COPIED) return text;
  if (!isNarrow && isAscii(text)) return readOwnText(JSON.stringify(text));
  return [text.slice(0, 1), text.slice(1)].join("");
}

function readOwnText(json: string): string {
  return JSON.parse(json);
}
