import { LIMITS } from "./limits.ts";
import { ending, mark, skipString, skipValue } from "./json-scan.ts";

// A control character would corrupt logs and headers; the comma separates the names.
// oxlint-disable-next-line no-control-regex
export const NOT_IN_A_FIELD = /[\u0000-\u001f\u007f-\u009f,]/;

/** Returns what is wrong with the name of a field, or undefined. Its length counts code points. */
export function fieldProblem(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name.length > LIMITS.fieldLength && Array.from(name).length > LIMITS.fieldLength)
    return `is longer than ${LIMITS.fieldLength} characters`;
  if (NOT_IN_A_FIELD.test(name)) return "contains a control character or `,`";
  // No value has a member with such a name.
  if (!name.isWellFormed()) return "is not well-formed Unicode";
  return undefined;
}

/**
 * The members of values that a subscriber gets: top-level ones, by name. Cuts values and merge patches as text, without
 * parsing: only for text that the server wrote itself, see `json-scan.ts`. A merge patch (RFC 7396) changes each member
 * apart from all others, so that to patch a cut value with the cut patch is to cut the patched value.
 */
export class Fields {
  /** Equal for the same names: sorted by code units, separated by commas. */
  readonly id: string;
  /** As JSON writes them. */
  readonly #names = new Set<string>();
  #marks = 0;
  #endings = 0;

  constructor(names: Iterable<string>) {
    const sorted = [...new Set(names)].toSorted();
    this.id = sorted.join(",");
    for (const name of sorted) {
      const written = JSON.stringify(name);
      this.#names.add(written);
      this.#marks |= mark(written, 0, written.length);
      this.#endings |= ending(written, 0, written.length);
    }
  }

  /** Reads an id back. */
  static ofId(id: string): Fields {
    return new Fields(id.split(","));
  }

  /** The names as JSON writes them. */
  get written(): ReadonlySet<string> {
    return this.#names;
  }

  get size(): number {
    return this.#names.size;
  }

  /** Whether any of these names, as JSON writes them, is among the fields. Looks for the fewer among the more. */
  includeAny(names: ReadonlySet<string>): boolean {
    const [few, many] = names.size < this.#names.size ? [names, this.#names] : [this.#names, names];
    for (const name of few) if (many.has(name)) return true;
    return false;
  }

  /** The object with only these members. The same text if it has no others; `{}` if it has none of them. */
  cut(text: string): string {
    let cut = "";
    let found = 0;
    let isWhole = true;
    let at = 1;
    while (at < text.length - 1) {
      const nameEnd = skipString(text, at);
      const end = skipValue(text, nameEnd + 1);
      if (this.#has(text, at, nameEnd)) {
        cut += found === 0 ? text.slice(at, end) : `,${text.slice(at, end)}`;
        // No object has a member twice.
        if (++found === this.#names.size) {
          isWhole &&= end === text.length - 1;
          break;
        }
      } else isWhole = false;
      at = end + 1;
    }
    return isWhole ? text : `{${cut}}`;
  }

  /** First a cheap test that rules out nearly all other names. */
  #has(text: string, start: number, end: number): boolean {
    if ((this.#marks & mark(text, start, end)) === 0 || (this.#endings & ending(text, start, end)) === 0) return false;
    return this.#names.has(text.slice(start, end));
  }
}
