import { isJsonObject, setMember, type Json, type JsonObject } from "../../../protocol/json.ts";
import { applyMergePatch } from "../../../protocol/merge-patch.ts";
import { encodeUpdate, type Update } from "../../../protocol/update.ts";
import type { AcceptedUpdate } from "../../state/record.ts";

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
  /** What says it as it was published: read only where it has to be. */
  #last: AcceptedUpdate | undefined;
  /** Else what was composed. Where there is neither, only the key's present state can say it. */
  #composed: Update | undefined;
  /** No less than its length, in characters; and what it was when it was measured. */
  #length: number;
  #measured = 0;
  /** Whether the patch is a copy of its own. */
  #isOwn = false;

  constructor(first: AcceptedUpdate) {
    this.#last = first;
    this.#length = first.text.length;
  }

  /** What it takes, about. */
  get bytes(): number {
    return this.#isKnown ? 4 * this.#length : 0;
  }

  /** As canonical JSON; nothing where only the key's present state can say it. */
  get text(): string | undefined {
    return this.#last?.text ?? (this.#composed && encodeUpdate(this.#composed));
  }

  /** Characters that have to be read and written to add this one. */
  costOf({ change, text }: AcceptedUpdate): number {
    if (change !== "patch" || !this.#isKnown) return 0;
    const copied = this.#isPatch ? !this.#isOwn : this.#length <= SMALL;
    return (copied ? this.#length : 0) + text.length;
  }

  add(second: AcceptedUpdate): void {
    if (second.change !== "patch") {
      this.#last = second;
      this.#composed = undefined;
      this.#length = second.text.length;
      this.#isOwn = false;
    } else if (this.#isKnown) this.#patch(second);
  }

  get #isKnown(): boolean {
    return this.#last !== undefined || this.#composed !== undefined;
  }

  get #isPatch(): boolean {
    return this.#last ? this.#last.change === "patch" : this.#composed !== undefined && "patch" in this.#composed;
  }

  #patch(second: AcceptedUpdate): void {
    this.#length += second.text.length;
    const first = this.#isPatch || this.#length <= SMALL ? (this.#last?.update ?? this.#composed) : undefined;
    this.#last = undefined;
    this.#composed = first && this.#compose(first, second.update);
  }

  #compose(first: Update, second: Update): Update | undefined {
    if (!("patch" in second)) return second;
    const { patch, ...stamps } = second;
    if (!("patch" in first)) return { ...stamps, set: applyMergePatch("set" in first ? first.set : undefined, patch) };
    const target = this.#isOwn ? first.patch : copy(first.patch);
    this.#isOwn = true;
    if (!composeInto(target, patch)) return undefined;
    if (this.#length > 2 * this.#measured + SLACK) this.#measure(target);
    return this.#length > LARGE ? undefined : { ...stamps, patch: target };
  }

  #measure(patch: JsonObject): void {
    this.#length = JSON.stringify(patch).length;
    this.#measured = this.#length;
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
