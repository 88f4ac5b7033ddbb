import type { JsonObject } from "../../../protocol/json.ts";
import { applyMergePatch, composeInto, copyOf } from "../../../protocol/merge-patch.ts";
import { encodeUpdate, type Update } from "../../../protocol/update.ts";
import type { AcceptedUpdate } from "../../state/accepted-update.ts";

/** Characters above which a value is not patched here again: the feed has the patched value anyway. */
const SMALL = 1024;
/** Characters above which no more patches are composed into one. */
const LARGE = 64 * 1024;
/** A patch is measured again when it may have doubled, and grown by this: members that are set again add nothing. */
const SLACK = 1024;

/**
 * Several updates of one key as one update with the same effect, if there is one. Patches are composed in place, so that
 * each costs what it changes and not what came before. The published updates stay as they are.
 */
export class MergedUpdate {
  /** A published update that has the effect of all. It is parsed only if it must be. */
  #last: AcceptedUpdate | undefined;
  /** Else the composed update. If both are undefined, only the key's present state has the effect of all. */
  #composed: Update | undefined;
  /** An upper bound of the length in characters; and the length when it was last measured. */
  #length: number;
  #measured = 0;
  /** Whether the composed patch is a copy, which may be changed. */
  #isOwn = false;

  constructor(first: AcceptedUpdate) {
    this.#last = first;
    this.#length = first.text.length;
  }

  /** Bytes of memory, about. */
  get bytes(): number {
    return this.#isKnown ? 4 * this.#length : 0;
  }

  /** Canonical JSON; undefined if only the key's present state has the effect of all. */
  get text(): string | undefined {
    return this.#last?.text ?? (this.#composed && encodeUpdate(this.#composed));
  }

  /** Characters to read and write to add an update. */
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
    const target = this.#isOwn ? first.patch : copyOf(first.patch);
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
