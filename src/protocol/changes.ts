import { isJsonObject, setMember, type Json, type JsonObject } from "./json.ts";
import { skipString, skipValue, Splice } from "./json-text.ts";

/** What becomes of one member: a new value, changes within the object that it is, or, `null`, its removal. */
type Change = Json | Changes;

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;

/**
 * What a run of merge patches (RFC 7396) does to one object. Each patch that is added costs what is in it, however
 * many came before; the object itself is looked at once, as text, when they are written into it.
 */
export class Changes {
  readonly #members = new Map<string, Change>();
  /** Whether nothing is left of what was there: the object has these members alone. */
  readonly #anew: boolean;

  constructor(anew = false) {
    this.#anew = anew;
  }

  /** Adds a patch to those added before. It is not changed, and must not be afterwards: its values are kept. */
  add(patch: JsonObject): void {
    for (const name of Object.keys(patch)) {
      const value = patch[name] ?? null;
      if (isJsonObject(value)) this.#within(name).add(value);
      else if (value === null && this.#anew) this.#members.delete(name);
      else this.#members.set(name, value);
    }
  }

  /** The changes within a member, which is an object from here on. */
  #within(name: string): Changes {
    const before = this.#members.get(name);
    if (before instanceof Changes) return before;
    const changes = new Changes(this.#anew || before !== undefined);
    this.#members.set(name, changes);
    return changes;
  }

  /**
   * One merge patch that does the same, whatever it is applied to; nothing where no patch can. That is where a member
   * was removed or replaced and an object put there: a merge patch cannot say "an object with just these members".
   */
  toPatch(): JsonObject | undefined {
    if (this.#anew) return undefined;
    const patch: JsonObject = {};
    for (const [name, change] of this.#members) {
      const value = change instanceof Changes ? change.toPatch() : change;
      if (value === undefined) return undefined;
      setMember(patch, name, value);
    }
    return patch;
  }

  /** The JSON of what they make of the object `text`; of nothing where there is none. `text` is this server's own. */
  writeInto(text: string | undefined): string {
    if (text === undefined || this.#anew) return this.#write();
    const splice = new Splice(text);
    this.#edit(splice, 0);
    return splice.finish();
  }

  /**
   * Edits the object that begins at `start`, and returns where it ends. All other members stay as they are written,
   * and are not read further than needed.
   */
  #edit(splice: Splice, start: number): number {
    const { text } = splice;
    const wanted = new Map<string, Change>();
    let mask = 0;
    for (const [name, change] of this.#members) {
      const written = JSON.stringify(name);
      wanted.set(written, change);
      mask |= mark(written, 0, written.length);
    }
    if (wanted.size === 0) return start === 0 ? text.length : skipValue(text, start);
    let kept = 0;
    let at = start + 1;
    while (text.charCodeAt(at) !== CLOSE && at < text.length) {
      const nameEnd = skipString(text, at);
      const valueStart = nameEnd + 1;
      // Cheap, and passes by most of the names that are not wanted.
      const name = (mask & mark(text, at, nameEnd)) === 0 ? "" : text.slice(at, nameEnd);
      const change = name === "" ? undefined : wanted.get(name);
      let end: number;
      if (change instanceof Changes && !change.#anew && text.charCodeAt(valueStart) === OPEN) {
        end = change.#edit(splice, valueStart);
      } else {
        end = skipValue(text, valueStart);
        if (change !== undefined && change !== null) splice.replace(valueStart, end, write(change));
      }
      const next = text.charCodeAt(end) === COMMA ? end + 1 : end;
      if (change !== null) kept++;
      // With the comma before it, or with the one behind where nothing is left before it.
      else if (kept > 0) splice.replace(at - 1, end, "");
      else splice.replace(at, next, "");
      at = next;
      if (change === undefined) continue;
      wanted.delete(name);
      if (wanted.size === 0) return start === 0 ? text.length : skipValue(text, at, 1);
    }
    let added = "";
    for (const [name, change] of wanted) {
      if (change !== null) added += `${kept++ > 0 ? "," : ""}${name}:${write(change)}`;
    }
    if (added !== "") splice.replace(at, at, added);
    return at + 1;
  }

  #write(): string {
    let members = "";
    for (const [name, change] of this.#members) {
      if (change !== null) members += `${members === "" ? "" : ","}${JSON.stringify(name)}:${write(change)}`;
    }
    return `{${members}}`;
  }
}

/** The JSON of a change that is no removal, where there is nothing to change. */
function write(change: Change): string {
  return change instanceof Changes ? change.writeInto(undefined) : JSON.stringify(change);
}

/** One bit of 32 for a name as it is written, by its length and its last character. */
function mark(text: string, start: number, end: number): number {
  return 1 << ((end - start) * 7 + text.charCodeAt(end - 2));
}
