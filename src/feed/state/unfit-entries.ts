import { readOwnJson } from "../../protocol/json.ts";
import type { Position } from "../../protocol/position.ts";
import type { Feed } from "./feed.ts";
import type { ValueCheck } from "./feed-rules.ts";

/** Characters of values that are checked in one step, and what an entry counts besides: a schema takes some 5 ms for these. */
const AT_ONCE = 64 * 1024;
const EACH = 256;

/**
 * Entries whose values the feed's check refuses: they are from before it was made stricter, and stay as they are. What is
 * accepted later is none of them.
 */
export class UnfitEntries {
  readonly #feed: Feed;
  readonly #check: ValueCheck;
  /** Where the feed was when this was made. */
  readonly #before: Position;
  #keys: ReadonlySet<string> | undefined;
  /** What was counted, and where the feed was then. */
  #counted: (Position & { readonly count: number }) | undefined;

  constructor(feed: Feed, check: ValueCheck) {
    this.#feed = feed;
    this.#check = check;
    this.#before = feed.position;
  }

  /** How many there are now; undefined before they were looked for. */
  get count(): number | undefined {
    if (!this.#keys) return undefined;
    const { epoch, seq } = this.#feed;
    // There may be very many, and anyone may ask.
    if (this.#counted?.seq !== seq || this.#counted.epoch !== epoch)
      this.#counted = { epoch, seq, count: this.#count(this.#keys) };
    return this.#counted.count;
  }

  /** Looks for them, a few entries a step. */
  *search(): Generator<void, void> {
    const found = new Set<string>();
    const walk = this.#feed.entries.walk();
    try {
      let work = 0;
      // The oldest changes come first.
      for (let entry = walk.next(); this.#isUnchanged(entry?.seq); entry = walk.next()) {
        if (entry?.text !== undefined && this.#check(readOwnJson(entry.text)).length > 0) found.add(entry.key);
        work += EACH + (entry?.text?.length ?? 0);
        if (work < AT_ONCE) continue;
        work = 0;
        yield;
      }
    } finally {
      walk.end();
    }
    this.#keys = found;
  }

  #count(keys: ReadonlySet<string>): number {
    let count = 0;
    for (const key of keys) if (this.#isUnchanged(this.#feed.entries.get(key)?.seq)) count++;
    return count;
  }

  #isUnchanged(seq: number | undefined): boolean {
    return seq !== undefined && seq <= this.#before.seq && this.#feed.epoch === this.#before.epoch;
  }
}
