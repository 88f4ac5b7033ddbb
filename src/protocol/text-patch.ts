import {
  CLOSE_OBJECT,
  COMMA,
  ending,
  isObjectAt,
  mark,
  readMembers,
  skipRest,
  skipString,
  skipValue,
  Splice,
} from "./json-scan.ts";

/**
 * The change of one member: a new value as JSON, or `null`, which removes the member. An object as JSON is a patch of the
 * member, as it came, since most members are patched once. Several patches of a member, or of a new object, are a
 * `TextPatch`.
 */
type Change = string | TextPatch | null;

/**
 * Merge patches (RFC 7396) of one object, gathered into one. To add a patch costs what is in it, however many came before;
 * the object is read once, when they are applied. Works on text: nothing is parsed, and what no patch names is copied as it
 * is. Only for text that the server wrote itself, see `json-scan.ts`.
 */
export class TextPatch {
  /** By name, as JSON writes it. */
  readonly #members = new Map<string, Change>();
  /** Whether nothing is left of the old object: the new one has only these members. */
  readonly #anew: boolean;
  /** The bits of all names, see `mark` and `ending`. */
  #marks = 0;
  #endings = 0;

  constructor(anew = false) {
    this.#anew = anew;
  }

  /** Adds a patch: the object that begins at `start`. Returns where it ends. */
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

  /** The patch of a member, which is an object from now on. */
  #objectAt(name: string, before: Change | undefined): TextPatch {
    if (before instanceof TextPatch) return before;
    const changes = isPatch(before) ? changesOf(before, false) : new TextPatch(true);
    this.#members.set(name, changes);
    return changes;
  }

  /** Returns the JSON of the patched object. If there is no `text`, that of a new object. */
  applyTo(text: string | undefined): string {
    if (text === undefined || this.#anew) return this.#write();
    const splice = new Splice(text);
    this.#edit(splice, 0);
    return splice.finish();
  }

  /** Edits the object that begins at `start`, and returns where it ends. Other members stay as they are written. */
  #edit(splice: Splice, start: number): number {
    const { text } = splice;
    const met: string[] = [];
    let kept = 0;
    let at = start + 1;
    while (text.charCodeAt(at) !== CLOSE_OBJECT && at < text.length) {
      if (met.length === this.#members.size) return start === 0 ? text.length : skipRest(text, at);
      const nameEnd = skipString(text, at);
      const valueStart = nameEnd + 1;
      const name = this.#mayChange(text, at, nameEnd) ? text.slice(at, nameEnd) : "";
      const change = name === "" ? undefined : this.#members.get(name);
      const within = isObjectAt(text, valueStart) ? TextPatch.#within(change) : undefined;
      const end = within ? within.#edit(splice, valueStart) : skipValue(text, valueStart);
      const next = text.charCodeAt(end) === COMMA ? end + 1 : end;
      if (change !== null) kept++;
      // Remove the comma before the member; if no member is left before it, the comma after it.
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

  /** A cheap test that rules out nearly all names that do not change: to look one up takes longer than to read it. */
  #mayChange(text: string, start: number, end: number): boolean {
    return (this.#marks & mark(text, start, end)) !== 0 && (this.#endings & ending(text, start, end)) !== 0;
  }

  /** The patch of an object that a change meets; undefined if the change replaces or removes the object. */
  static #within(change: Change | undefined): TextPatch | undefined {
    if (change instanceof TextPatch) return change.#anew ? undefined : change;
    return isPatch(change) ? changesOf(change, false) : undefined;
  }

  #write(): string {
    return `{${this.#membersExcept()}}`;
  }

  /** The members that are not among those met, as they are written into an object. */
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

/** The JSON of a change of a member that does not exist yet. */
function write(change: string | TextPatch): string {
  if (change instanceof TextPatch) return change.applyTo(undefined);
  return isPatch(change) ? changesOf(change, true).applyTo(undefined) : change;
}
