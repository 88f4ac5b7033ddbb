import { isAscii, ownText, readMembers, skipValue } from "./json-scan.ts";

/** Where the members of an object's text begin, by name as it is written. For text that the server wrote itself. */
class Members {
  readonly text: string;
  readonly #starts = new Map<string, number>();

  constructor(text: string) {
    this.text = text;
    readMembers(text, 0, (nameStart, nameEnd, valueStart) => {
      this.#starts.set(text.slice(nameStart, nameEnd), nameStart);
      return skipValue(text, valueStart);
    });
  }

  get size(): number {
    return this.#starts.size;
  }

  /** The object with only the members of these names. The same text if it has no others; `{}` if it has none of them. */
  cut(names: Iterable<string>): string {
    const starts: { at: number; value: number }[] = [];
    for (const name of names) {
      const at = this.#starts.get(name);
      if (at !== undefined) starts.push({ at, value: at + name.length + 1 });
    }
    if (starts.length === this.size) return this.text;
    starts.sort((a, b) => a.at - b.at);
    return `{${starts.map(({ at, value }) => this.text.slice(at, skipValue(this.text, value))).join(",")}}`;
  }
}

/** Characters from which on it pays to note where the members are. */
const LONG = 2048;
/** Texts whose use is counted; up to how much; and after how many uses of all of them the counts are halved. */
const COUNTED = { texts: 64, most: 4, halved: 64 };
/** Members that are noted of all texts, and characters of these: a megabyte. */
const NOTED = { members: 10_000, length: 256 * 1024 };
/** The characters that a short member takes. */
const MEMBER = 8;
/** So many others that look like a noted text have to come before one of them may take its place. */
const MISSES = 16;

interface Noted {
  readonly members: Members;
  misses: number;
}

/**
 * Notes where the members of long texts are that come again and again. If very many subscribers have fields of their own,
 * each has the same few texts cut: a cut of these costs what is selected and not what is left out. Noting costs more than
 * a cut: a text is noted only in the place of others that are used less.
 */
export class NotedMembers {
  /** By `printOf`. What was used longest ago comes first. */
  readonly #counts = new Map<number, number>();
  readonly #noted = new Map<number, Noted>();
  #uses = 0;
  #members = 0;
  #length = 0;

  /** The members of a text, if they are noted. `noting` is called when they are. */
  find(text: string, noting: () => void): Members | undefined {
    if (text.length < LONG) return undefined;
    const print = printOf(text);
    const count = this.#count(print);
    const known = this.#noted.get(print);
    if (known?.members.text === text) {
      known.misses = 0;
      this.#noted.delete(print);
      this.#noted.set(print, known);
      return known.members;
    }
    if (known && ++known.misses < MISSES) return undefined;
    if (known) this.#forget(print, known);
    if (count < 2 || !this.#makeRoom(text.length, count)) return undefined;
    noting();
    const members = new Members(ownText(text, isAscii(text)));
    this.#noted.set(print, { members, misses: 0 });
    this.#members += members.size;
    this.#length += text.length;
    return members;
  }

  #count(print: number): number {
    if (++this.#uses % COUNTED.halved === 0) {
      for (const [other, uses] of this.#counts) this.#counts.set(other, uses >> 1);
    }
    const count = Math.min(COUNTED.most, (this.#counts.get(print) ?? 0) + 1);
    this.#counts.delete(print);
    this.#counts.set(print, count);
    const [oldest] = this.#counts.keys();
    if (oldest !== undefined && this.#counts.size > COUNTED.texts) this.#counts.delete(oldest);
    return count;
  }

  /** Forgets texts that are used less, until there is room. Returns false if there is not. */
  #makeRoom(length: number, count: number): boolean {
    for (const [print, noted] of this.#noted) {
      if (this.#members + length / MEMBER <= NOTED.members && this.#length + length <= NOTED.length) return true;
      if ((this.#counts.get(print) ?? 0) >= count) return false;
      this.#forget(print, noted);
    }
    return true;
  }

  #forget(print: number, { members }: Noted): void {
    this.#noted.delete(print);
    this.#members -= members.size;
    this.#length -= members.text.length;
  }
}

/** A number that tells most texts apart, without keeping them. */
function printOf(text: string): number {
  let print = text.length;
  for (let at = 0; at < 64; at++) print = (31 * print + text.charCodeAt(at)) | 0;
  const step = text.length >> 5;
  for (let at = step; at < text.length; at += step) print = (31 * print + text.charCodeAt(at)) | 0;
  return print;
}
