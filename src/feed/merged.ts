import { isJsonObject, setMember, type Json, type JsonObject } from "../protocol/json.ts";
import { applyMergePatch } from "../protocol/merge-patch.ts";
import type { Update } from "../protocol/update.ts";
import type { AcceptedUpdate } from "./record.ts";

/** Characters of JSON above which a value is not patched here once more: the feed has it, patched. */
const SMALL = 1024;
/** Characters above which a patch is not composed any further. */
const LARGE = 64 * 1024;
/** A patch is measured when it may be twice as long as it was, and this longer: members that are set again add nothing. */
const SLACK = 1024;

/**
 * What several updates of one key do together, where one update can say it. A patch is composed in place, so that each
 * costs what it changes and not what came before; nothing of the updates themselves is changed.
 */
export class Merged {
  /** Nothing where only the key's present state can say it. */
  update: Update | undefined;
  /** No less than its length, in characters; and what it was when it was measured. */
  #length: number;
  #measured = 0;
  /** Whether the patch is a copy of its own. */
  #isOwn = false;

  constructor({ update, text }: AcceptedUpdate) {
    this.update = update;
    this.#length = text.length;
  }

  /** What it takes, about. */
  get bytes(): number {
    return this.update ? 4 * this.#length : 0;
  }

  /** Characters that have to be written to add this one. */
  costOf({ update: second, text }: AcceptedUpdate): number {
    if (!("patch" in second) || !this.update) return 0;
    const copied = "patch" in this.update ? !this.#isOwn : this.#length <= SMALL;
    return (copied ? this.#length : 0) + text.length;
  }

  add({ update: second, text }: AcceptedUpdate): void {
    const first = this.update;
    if (!("patch" in second)) {
      this.update = second;
      this.#length = text.length;
      this.#isOwn = false;
    } else if (first) this.#patch(first, second, text.length);
  }

  #patch(first: Update, { patch, ...stamps }: Extract<Update, { patch: JsonObject }>, length: number): void {
    this.#length += length;
    if ("patch" in first) {
      const target = this.#isOwn ? first.patch : copy(first.patch);
      this.#isOwn = true;
      this.update = composeInto(target, patch) ? { ...stamps, patch: target } : undefined;
      if (this.#length > 2 * this.#measured + SLACK) this.#measure(target);
    } else if (this.#length > SMALL) this.update = undefined;
    else this.update = { ...stamps, set: applyMergePatch("set" in first ? first.set : undefined, patch) };
  }

  #measure(patch: JsonObject): void {
    this.#length = JSON.stringify(patch).length;
    this.#measured = this.#length;
    if (this.#length > LARGE) this.update = undefined;
  }
}

/**
 * Makes `first` one merge patch that does what it did and then `second` does, whatever they are applied to. False where
 * no patch can: where `first` removes or replaces a member and `second` merges an object into it. A merge patch cannot
 * say "an object with just these members".
 */
export function composeInto(first: JsonObject, second: JsonObject): boolean {
  for (const name of Object.keys(second)) {
    const value = second[name] ?? null;
    if (!isJsonObject(value) || !Object.hasOwn(first, name)) {
      setMember(first, name, copy(value));
      continue;
    }
    const earlier = first[name];
    if (!isJsonObject(earlier) || !composeInto(earlier, value)) return false;
  }
  return true;
}

function copy<T extends Json>(value: T): T;
function copy(value: Json): Json {
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const name of Object.keys(value)) setMember(result, name, copy(value[name] ?? null));
  return result;
}
