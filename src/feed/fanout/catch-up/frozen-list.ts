import type { TimedPosition } from "../../../protocol/position.ts";
import type { Selection } from "../../../protocol/selection.ts";
import { COST, costOf, type Meter } from "../fanout-limits.ts";
import type { Feed } from "../../state/feed.ts";

/** Bytes that an entry takes in a list: two references. */
export const SLOT = 16;
/** Characters beside key and value in a member of the `entries` object. */
const AROUND = 4;

/**
 * A selection's entries as they are at one moment: references to their texts, which never change. It is written down in
 * parts, by those who need them, while the feed goes on.
 */
export class FrozenList implements TimedPosition {
  readonly epoch: string;
  readonly seq: number;
  readonly time: number;
  /** About the characters of all members. */
  readonly length: number;
  /** Bytes of keys and texts, which it shares with the feed until they are replaced there. */
  readonly shared: number;
  readonly #keys: string[] = [];
  readonly #texts: string[] = [];
  /** Where each part ends. */
  readonly #ends: number[] = [];

  /** Leaves out what `except` selects: the subscriber has it already. */
  constructor(feed: Feed, selection: Selection, except: Selection | undefined, partLength: number, meter: Meter) {
    ({ epoch: this.epoch, seq: this.seq, time: this.time } = feed);
    let total = 0;
    let length = 0;
    let shared = 0;
    meter.work += costOf(selection) + (except ? costOf(except) : 0);
    const { entries } = feed;
    const selected = except ? entries.selectBeyond(selection, except) : entries.select(selection);
    for (const { key, text = "{}", bytes } of selected) {
      shared += bytes;
      meter.work += COST.key;
      if (length > partLength) {
        this.#ends.push(this.#keys.length);
        length = 0;
      }
      this.#keys.push(key);
      this.#texts.push(text);
      length += key.length + text.length + AROUND;
      total += key.length + text.length + AROUND;
    }
    this.#ends.push(this.#keys.length);
    this.length = total;
    this.shared = shared;
  }

  get size(): number {
    return this.#keys.length;
  }

  /** Parts; one at least. */
  get parts(): number {
    return this.#ends.length;
  }

  /** Bytes that it takes by itself. */
  get bytes(): number {
    return this.size * SLOT;
  }

  /** One part: the inside of an `entries` object, members in JSON. */
  part(index: number): string {
    const members: string[] = [];
    const end = this.#ends[index] ?? 0;
    for (let i = index === 0 ? 0 : (this.#ends[index - 1] ?? 0); i < end; i++) {
      members.push(`${JSON.stringify(this.#keys[i])}:${this.#texts[i]}`);
    }
    return members.join(",");
  }
}
