import { LIMITS } from "../protocol/limits.ts";
import { selects, type Selection } from "../protocol/selection.ts";
import { Entry } from "./entry.ts";

/**
 * The keys of a feed, live and deleted, in order of their last change.
 *
 * "The latest state of the keys whose seq is above S" is the one question that resume, slow subscribers and
 * conflation ask; `changedAfter` answers it.
 */
export class Entries {
  readonly #live = new Map<string, Entry>();
  readonly #tombstones = new Map<string, Entry>();
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #lengthBound = 0;
  /** Deletions up to this seq may have been forgotten. */
  #forgotten: number;

  constructor(forgotten = 0) {
    this.#forgotten = forgotten;
  }

  /** Live keys. */
  get size(): number {
    return this.#live.size;
  }

  /** An upper bound of the length of all keys and values, in characters of JSON. */
  get lengthBound(): number {
    return this.#lengthBound;
  }

  /** From here on every deletion is remembered: a position below it cannot be resumed by changes alone. */
  get forgotten(): number {
    return this.#forgotten;
  }

  get(key: string): Entry | undefined {
    return this.#live.get(key);
  }

  /** The entry or the tombstone of a key. */
  recall(key: string): Entry | undefined {
    return this.#live.get(key) ?? this.#tombstones.get(key);
  }

  /** Live entries of a selection; in order of creation, or of the selection's keys where it names only keys. */
  *select(selection: Selection): Generator<Entry> {
    if (selection.prefixes.length === 0) {
      for (const key of selection.keys) {
        const entry = this.#live.get(key);
        if (entry) yield entry;
      }
      return;
    }
    const everything = selection.prefixes[0] === "";
    for (const entry of this.#live.values()) if (everything || selects(selection, entry.key)) yield entry;
  }

  /** Entries and tombstones of a selection whose last change came after `seq`, oldest change first. */
  changedAfter(seq: number, selection: Selection): Entry[] {
    const changed: Entry[] = [];
    if (selection.prefixes.length === 0) {
      for (const key of selection.keys) {
        const entry = this.recall(key);
        if (entry && entry.seq > seq) changed.push(entry);
      }
      return changed.toSorted((a, b) => a.seq - b.seq);
    }
    for (let entry = this.#newest; entry && entry.seq > seq; entry = entry.older) {
      if (selects(selection, entry.key)) changed.push(entry);
    }
    return changed.toReversed();
  }

  /** Live entries and tombstones, the one that changed longest ago first. */
  *oldestFirst(): Generator<Entry> {
    for (let entry = this.#oldest; entry; entry = entry.newer) yield entry;
  }

  /**
   * Changes one key at `seq`, which must be above every seq before. `change` gets the entry, live or not, and
   * leaves it live or cleared.
   */
  touch(key: string, seq: number, change: (entry: Entry) => void): Entry {
    const entry = this.recall(key) ?? new Entry(key);
    const wasLive = entry.live;
    if (wasLive) this.#lengthBound -= entry.lengthBound + key.length;
    change(entry);
    entry.seq = seq;
    if (entry.live) {
      this.#lengthBound += entry.lengthBound + key.length;
      if (!wasLive) this.#live.set(key, entry);
      this.#tombstones.delete(key);
    } else {
      this.#live.delete(key);
      // Set anew, so that the map's order is the order of deletion.
      this.#tombstones.delete(key);
      this.#tombstones.set(key, entry);
    }
    this.#moveToNewest(entry);
    this.#forgetTombstones();
    return entry;
  }

  #moveToNewest(entry: Entry): void {
    if (this.#newest === entry) return;
    this.#unlink(entry);
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: Entry): void {
    if (entry.older) entry.older.newer = entry.newer;
    else if (this.#oldest === entry) this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else if (this.#newest === entry) this.#newest = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
  }

  #forgetTombstones(): void {
    if (this.#tombstones.size <= LIMITS.tombstones) return;
    const [first] = this.#tombstones.values();
    if (!first) return;
    this.#forgotten = Math.max(this.#forgotten, first.seq);
    this.#tombstones.delete(first.key);
    this.#unlink(first);
  }
}
