import { isObjectAt, readMembers, skipRest, skipString, skipValue, Splice } from "./json-scan.ts";

/**
 * What becomes of one member: a new value, as JSON, or, `null`, its removal. An object as JSON is one patch within the
 * member, as it came: most members are patched once. Several, and those of an object that is new, are `TextPatch`.
 */
type Change = string | TextPatch | null;

const CLOSE = 0x7d;
const COMMA = 0x2c;

/**
 * What a run of merge patches (RFC 7396) does to one object. Each patch that is added costs what is in it, however
 * many came before; the object itself is looked at once, when they are written into it. All as text: nothing is
 * parsed, and what a patch does not name is copied as it stands. All text is this server's own, see `json-text.ts`.
 */
export class TextPatch {
  /** By names as they are written in JSON. */
  readonly #members = new Map<string, Change>();
  /** Whether nothing is left of what was there: the object has these members alone. */
  readonly #anew: boolean;
  /** The marks of all names, of both kinds. */
  #marks = 0;
  #endings = 0;

  constructor(anew = false) {
    this.#anew = anew;
  }

  /** Adds a patch, the object that begins at `start`, to those added before. Returns where it ends. */
  add(patch: string, start = 0): number {
    return readMembers(patch, start, (nameStart, nameEnd, valueStart) => {
      const name = patch.slice(nameStart, nameEnd);
      const before = this.#members.get(name);
      this.#marks |= mark(patch, nameStart, nameEnd);
      this.#endings |= ending(patch, nameStart, nameEnd);
      const isObject = isObjectAt(patch, valueStart);
      if (isObject && (this.#anew || before !== undefined)) return this.#objectAt(name, before).add(patch, valueStart);
      const end = skipValue(patch, valueStart);
      const value = patch.slice(valueStart, end);
      if (value !== "null") this.#members.set(name, value);
      else if (this.#anew) this.#members.delete(name);
      else this.#members.set(name, null);
      return end;
    });
  }

  /** The changes within a member, which is an object from here on. */
  #objectAt(name: string, before: Change | undefined): TextPatch {
    if (before instanceof TextPatch) return before;
    const changes = isPatch(before) ? changesOf(before, false) : new TextPatch(true);
    this.#members.set(name, changes);
    return changes;
  }

  /** The JSON of what they make of the object `text`; of nothing where there is none. */
  applyTo(text: string | undefined): string {
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
    const met: string[] = [];
    let kept = 0;
    let at = start + 1;
    while (text.charCodeAt(at) !== CLOSE && at < text.length) {
      if (met.length === this.#members.size) return start === 0 ? text.length : skipRest(text, at);
      const nameEnd = skipString(text, at);
      const valueStart = nameEnd + 1;
      const name = this.#mayChange(text, at, nameEnd) ? text.slice(at, nameEnd) : "";
      const change = name === "" ? undefined : this.#members.get(name);
      const within = isObjectAt(text, valueStart) ? TextPatch.#within(change) : undefined;
      const end = within ? within.#edit(splice, valueStart) : skipValue(text, valueStart);
      const next = text.charCodeAt(end) === COMMA ? end + 1 : end;
      if (change !== null) kept++;
      // With the comma before it, or with the one behind where nothing is left before it.
      else if (kept > 0) splice.replace(at - 1, end, "");
      else splice.replace(at, next, "");
      if (change !== undefined) {
        met.push(name);
        if (change !== null && !within) splice.replace(valueStart, end, write(change));
      }
      at = next;
    }
    if (met.length < this.#members.size) {
      const added = this.#membersExcept(new Set(met));
      if (added !== "") splice.replace(at, at, kept > 0 ? `,${added}` : added);
    }
    return at + 1;
  }

  /** Cheap, and passes by nearly all names that are not changed: looking one up takes longer than reading it. */
  #mayChange(text: string, start: number, end: number): boolean {
    return (this.#marks & mark(text, start, end)) !== 0 && (this.#endings & ending(text, start, end)) !== 0;
  }

  /** What a change changes within the object that it meets; nothing where it replaces or removes it. */
  static #within(change: Change | undefined): TextPatch | undefined {
    if (change instanceof TextPatch) return change.#anew ? undefined : change;
    return isPatch(change) ? changesOf(change, false) : undefined;
  }

  #write(): string {
    return `{${this.#membersExcept()}}`;
  }

  /** Members where there was nothing before. */
  #membersExcept(met?: ReadonlySet<string>): string {
    let members = "";
    for (const [name, change] of this.#members) {
      if (change !== null && !met?.has(name)) members += `${members === "" ? "" : ","}${name}:${write(change)}`;
    }
    return members;
  }
}

function isPatch(change: Change | undefined): change is string {
  return typeof change === "string" && isObjectAt(change, 0);
}

function changesOf(patch: string, anew: boolean): TextPatch {
  const changes = new TextPatch(anew);
  changes.add(patch);
  return changes;
}

/** The JSON of a change that is no removal, where there is nothing to change. */
function write(change: string | TextPatch): string {
  if (change instanceof TextPatch) return change.applyTo(undefined);
  return isPatch(change) ? changesOf(change, true).applyTo(undefined) : change;
}

/** One bit of 32 for a name as it is written, by its length, its first and its last character. */
function mark(text: string, start: number, end: number): number {
  return 1 << (7 * (end - start) + 5 * text.charCodeAt(start + 1) + text.charCodeAt(end - 2));
}

/** Another one, by the characters before the last. */
function ending(text: string, start: number, end: number): number {
  const last = Math.max(start, end - 4);
  return 1 << (text.charCodeAt(last) + 11 * text.charCodeAt(last + 1));
}
