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
/** Texts that are recognised when they come again. */
const SEEN = 64;
/** Members that are noted of all texts, and characters of these: a megabyte. */
const NOTED = { members: 10_000, length: 256 * 1024 };

/**
 * Notes where the members of long texts are that come again and again. If very many subscribers have fields of their own,
 * each has the same few texts cut: from the third time on, a cut costs what is selected and not what is left out.
 */
export class NotedMembers {
  /** By `printOf`. What was used longest ago comes first. */
  readonly #seen = new Set<number>();
  readonly #noted = new Map<number, Members>();
  #members = 0;
  #length = 0;

  /** The members of a text, if they are noted. `noting` is called when they are. */
  find(text: string, noting: () => void): Members | undefined {
    if (text.length < LONG) return undefined;
    const print = printOf(text);
    const known = this.#noted.get(print);
    if (known) this.#forget(print, known);
    const members = known?.text === text ? known : this.#note(text, print, noting);
    if (!members) return undefined;
    this.#noted.set(print, members);
    this.#members += members.size;
    this.#length += members.text.length;
    for (const [oldest, other] of this.#noted) {
      if (this.#members <= NOTED.members && this.#length <= NOTED.length) break;
      this.#forget(oldest, other);
    }
    return members;
  }

  /** Undefined at the first time. */
  #note(text: string, print: number, noting: () => void): Members | undefined {
    if (this.#seen.delete(print)) {
      noting();
      return new Members(ownText(text, isAscii(text)));
    }
    this.#seen.add(print);
    const [oldest] = this.#seen;
    if (oldest !== undefined && this.#seen.size > SEEN) this.#seen.delete(oldest);
    return undefined;
  }

  #forget(print: number, { size, text }: Members): void {
    this.#noted.delete(print);
    this.#members -= size;
    this.#length -= text.length;
  }
}

/** A number that tells most texts apart, without keeping them. */
function printOf(text: string): number {
  let print = text.length;
  const step = text.length / 32;
  for (let at = 0; at < text.length; at += step) print = (31 * print + text.charCodeAt(at)) | 0;
  return print;
}
