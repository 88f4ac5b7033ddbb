import { ownText } from "../../protocol/json-scan.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { isCovered, selects, type Selection } from "../../protocol/selection.ts";
import { Entry, type EntryState } from "./entry.ts";
import { KeyIndex } from "./key-index.ts";
import { Recency, type Walk } from "./recency.ts";

/**
 * The keys of a feed, live and deleted, in order of their last change.
 *
 * "The latest state of the keys whose seq is above S" is the one question that resume, slow subscribers and
 * conflation ask; `changedAfter` answers it.
 */
export class Entries {
  readonly #live = new Map<string, Entry>();
  readonly #tombstones = new Map<string, Entry>();
  /** Of both. */
  readonly #index = new KeyIndex();
  readonly #recency = new Recency();
  #length = 0;
  #bytes = 0;
  /** Deletions up to this seq may have been forgotten. */
  #forgotten: number;

  constructor(forgotten = 0) {
    this.#forgotten = forgotten;
  }

  /** Live keys. */
  get size(): number {
    return this.#live.size;
  }

  /** All live keys and values together, in characters; values as JSON. */
  get length(): number {
    return this.#length;
  }

  /** The same in bytes of memory. */
  get bytes(): number {
    return this.#bytes;
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

  /**
   * Live entries of a selection. Costs what it finds. In order of creation where everything is selected, else first
   * its keys, then what each prefix covers in order of key. Not to be held over a change.
   */
  *select(selection: Selection): Generator<Entry> {
    if (selection.prefixes[0] === "") {
      yield* this.#live.values();
      return;
    }
    for (const key of selection.keys) {
      const entry = this.#live.get(key);
      if (entry) yield entry;
    }
    for (const prefix of selection.prefixes) {
      for (const entry of this.#index.startingWith(prefix)) if (entry.live) yield entry;
    }
  }

  /**
   * Live entries of a selection but for those of another. Costs what it finds, and a look for each prefix: what is left
   * out is passed over as a whole. Not to be held over a change.
   */
  *selectBeyond(selection: Selection, except: Selection): Generator<Entry> {
    for (const key of selection.keys) {
      const entry = this.#live.get(key);
      if (entry && !selects(except, key)) yield entry;
    }
    for (const prefix of selection.prefixes) {
      if (isCovered(except.prefixes, prefix)) continue;
      for (const entry of this.#index.startingWith(prefix, except.prefixes)) {
        if (entry.live && !except.keys.has(entry.key)) yield entry;
      }
    }
  }

  /** The most entries and tombstones that a selection may have: an upper bound, for which none is looked at. */
  mostSelected(selection: Selection): number {
    let most = selection.keys.size;
    for (const prefix of selection.prefixes) most += this.#index.count(prefix);
    return most;
  }

  /**
   * Entries and tombstones of a selection whose last change came after `seq`, oldest change first. Costs as much as
   * there are changes, or matches, whichever are fewer. Not to be held over a change: to go on after one, ask again
   * from the seq of the last entry taken.
   */
  *changedAfter(seq: number, selection: Selection): Generator<Entry> {
    const first = this.#recency.firstAfter(seq);
    if (!first) return;
    const everything = selection.prefixes[0] === "";
    // Each change took a seq, so that there are no more changed entries than these.
    const changes = Math.min(this.#recency.size, this.#recency.newestSeq - seq);
    if (everything || 4 * this.mostSelected(selection) > changes) {
      for (let entry: Entry | undefined = first; entry; entry = entry.newer) {
        if (everything || selects(selection, entry.key)) yield entry;
      }
      return;
    }
    const changed: Entry[] = [];
    for (const key of selection.keys) {
      const entry = this.recall(key);
      if (entry && entry.seq > seq) changed.push(entry);
    }
    for (const prefix of selection.prefixes) {
      for (const entry of this.#index.startingWith(prefix)) if (entry.seq > seq) changed.push(entry);
    }
    yield* changed.toSorted((a, b) => a.seq - b.seq);
  }

  /**
   * Live entries and tombstones, the one that changed longest ago first, in steps between which the entries may change:
   * one that changes is met with its newer state at the end, though it was met before.
   */
  walk(): Walk {
    return this.#recency.walk();
  }

  /** Gives one key the state that it has from `state.seq` on. `known` is what `recall` gives for it. */
  put(key: string, state: EntryState, known: Entry | undefined): Entry {
    let entry = known;
    if (!entry) {
      entry = new Entry(ownText(key, false));
      this.#index.add(entry);
    }
    const wasLive = entry.live;
    if (wasLive) this.#count(entry, -1);
    entry.become(state);
    if (entry.live) {
      this.#count(entry, 1);
      if (!wasLive) {
        this.#live.set(entry.key, entry);
        this.#tombstones.delete(key);
      }
    } else {
      if (wasLive) this.#live.delete(key);
      // Set anew, so that the map's order is the order of deletion.
      else this.#tombstones.delete(key);
      this.#tombstones.set(entry.key, entry);
    }
    this.#recency.moveToNewest(entry);
    this.#forgetTombstones();
    return entry;
  }

  /** To be called when entries were put in any order of seq. */
  bringInOrder(): void {
    if (!this.#recency.bringInOrder()) return;
    const tombstones = [...this.#tombstones.values()].toSorted((a, b) => a.seq - b.seq);
    this.#tombstones.clear();
    for (const entry of tombstones) this.#tombstones.set(entry.key, entry);
    this.#forgetTombstones();
  }

  #count(entry: Entry, times: 1 | -1): void {
    this.#length += times * (entry.key.length + entry.length);
    this.#bytes += times * entry.bytes;
  }

  #forgetTombstones(): void {
    // While they are out of order it is not known which are the oldest.
    if (this.#tombstones.size <= LIMITS.tombstones || !this.#recency.isInOrder) return;
    for (const [key, entry] of this.#tombstones) {
      if (this.#tombstones.size <= LIMITS.tombstones) return;
      this.#forgotten = Math.max(this.#forgotten, entry.seq);
      this.#tombstones.delete(key);
      this.#recency.remove(entry);
      this.#index.remove(entry);
    }
  }
}
