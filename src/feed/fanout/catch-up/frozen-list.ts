import type { TimedPosition } from "../../../protocol/position.ts";
import type { Selection } from "../../../protocol/selection.ts";
import type { Feed } from "../../state/feed.ts";
import { COST, lookupCost, type WorkMeter } from "../work.ts";

/** Bytes that an entry takes in a list: two references. */
export const ITEM_BYTES = 16;
/** Characters beside key and value in a member of the `entries` object. */
const PUNCTUATION = 4;

/**
 * The entries of a selection at one moment, as references to their texts, which never change. Readers write it down in
 * parts while the feed goes on.
 */
export class FrozenList implements TimedPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly time: number;
  /** Bytes of keys and texts. The feed shares them until it replaces them. */
  readonly sharedBytes: number;
  readonly #keys: string[] = [];
  readonly #texts: string[] = [];
  /** Where each part ends. */
  readonly #ends: number[] = [];

  /** `except`: what the subscriber has already, which is left out. */
  constructor(feed: Feed, selection: Selection, except: Selection | undefined, partLength: number, meter: WorkMeter) {
    ({ epoch: this.epoch, seq: this.seq, time: this.time } = feed);
    let length = 0;
    let sharedBytes = 0;
    meter.work += lookupCost(selection) + (except ? lookupCost(except) : 0);
    const { entries } = feed;
    const selected = except ? entries.selectBeyond(selection, except) : entries.select(selection);
    for (const { key, text = "{}", bytes } of selected) {
      sharedBytes += bytes;
      meter.work += COST.key;
      if (length > partLength) {
        this.#ends.push(this.#keys.length);
        length = 0;
      }
      this.#keys.push(key);
      this.#texts.push(text);
      length += key.length + text.length + PUNCTUATION;
    }
    this.#ends.push(this.#keys.length);
    this.sharedBytes = sharedBytes;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Parts; at least one. */
  get parts(): number {
    return this.#ends.length;
  }

  /** Bytes that the list takes beside what it shares. */
  get ownBytes(): number {
    return this.size * ITEM_BYTES;
  }

  /** One part: the members of an `entries` object, in JSON, without its braces. */
  part(index: number): string {
    const members: string[] = [];
    const end = this.#ends[index] ?? 0;
    for (let i = index === 0 ? 0 : (this.#ends[index - 1] ?? 0); i < end; i++) {
      members.push(`${JSON.stringify(this.#keys[i])}:${this.#texts[i]}`);
    }
    return members.join(",");
  }
}
