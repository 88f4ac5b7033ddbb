import { readOwnJson } from "../../protocol/json.ts";
import type { Position } from "../../protocol/position.ts";
import type { Feed } from "./feed.ts";
import type { ValueCheck } from "./feed-rules.ts";

/** Entries that are checked in one step. */
const AT_ONCE = 200;

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

  constructor(feed: Feed, check: ValueCheck) {
    this.#feed = feed;
    this.#check = check;
    this.#before = feed.position;
  }

  /** How many there are now; undefined before they were looked for. */
  get count(): number | undefined {
    if (!this.#keys) return undefined;
    let count = 0;
    for (const key of this.#keys) if (this.#isUnchanged(this.#feed.entries.get(key)?.seq)) count++;
    return count;
  }

  /** Looks for them, a few entries a step. */
  *search(): Generator<void, void> {
    const found = new Set<string>();
    const walk = this.#feed.entries.walk();
    try {
      let seen = 0;
      // The oldest changes come first.
      for (let entry = walk.next(); this.#isUnchanged(entry?.seq); entry = walk.next()) {
        if (entry?.text !== undefined && this.#check(readOwnJson(entry.text)).length > 0) found.add(entry.key);
        if (++seen % AT_ONCE === 0) yield;
      }
    } finally {
      walk.end();
    }
    this.#keys = found;
  }

  #isUnchanged(seq: number | undefined): boolean {
    return seq !== undefined && seq <= this.#before.seq && this.#feed.epoch === this.#before.epoch;
  }
}
