import { ownText } from "../../protocol/json-scan.ts";
import { SERVER_LIMITS } from "../../protocol/limits.ts";
import { isCovered, selects, type Selection } from "../../protocol/selection.ts";
import { Entry, type EntryState } from "./entry.ts";
import { KeyIndex } from "./key-index.ts";
import { Recency, type Walk } from "./recency.ts";

/** A feed's entries and tombstones, by last change. `changedAfter` answers every catch-up: what changed since seq S? */
export class Entries {
  readonly #live = new Map<string, Entry>();
  readonly #tombstones = new Map<string, Entry>();
  /** All of them, in the order of their keys. */
  readonly #index = new KeyIndex();
  readonly #recency = new Recency();
  #length = 0;
  #bytes = 0;
  /** Tombstones up to this seq may have been forgotten. */
  #forgotten: number;

  constructor(forgotten = 0) {
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#live.size;
  }

  /** Characters of all live keys and values; values as JSON. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of memory of all live keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Deletions up to this seq may have been forgotten: a position below it cannot be resumed from changes alone. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Notes that deletions up to a seq may be missing among what was restored. */
  noteForgotten(seq: number): void {
    this.#forgotten = Math.max(this.#forgotten, seq);
  }

  get(key: string): Entry | undefined {
    return this.#live.get(key);
  }

  /** The entry or the tombstone of a key. */
  recall(key: string): Entry | undefined {
    return this.#live.get(key) ?? this.#tombstones.get(key);
  }

  /**
   * The live entries of a selection. Costs what it finds. If everything is selected, in the order of creation; else first
   * its keys, then the keys of each prefix in order. Do not use the generator after a change.
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
   * The live entries of a selection without those of another. Costs what it finds and a search for each prefix: what is
   * left out is skipped as a whole. Do not use the generator after a change.
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

  /** An upper bound of the entries and tombstones of a selection. Looks at none of them. */
  mostSelected(selection: Selection): number {
    let most = selection.keys.size;
    for (const prefix of selection.prefixes) most += this.#index.count(prefix);
    return most;
  }

  /**
   * What has changed since `seq`: the entries and tombstones of a selection whose last change came after it, the oldest
   * change first. Costs as much as there are changes or matches, whichever are fewer. Do not use the generator after a
   * change: ask again, from the seq of the last entry taken.
   */
  *changedAfter(seq: number, selection: Selection): Generator<Entry> {
    const first = this.#recency.firstAfter(seq);
    if (!first) return;
    const everything = selection.prefixes[0] === "";
    // Each change took a seq: there cannot be more changed entries.
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

  /** All entries and tombstones, oldest change first. One that changes meanwhile is met again at the end. */
  walk(): Walk {
    return this.#recency.walk();
  }

  /** Sets the state of a key. `known`: what `recall` returns for it. */
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
      // Set again, so that it comes last: the order of deletion.
      else this.#tombstones.delete(key);
      this.#tombstones.set(entry.key, entry);
    }
    this.#recency.moveToNewest(entry);
    this.#forgetTombstones();
    return entry;
  }

  /** Sorts entries that were not put in the order of their seqs. */
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
    // While they are out of order, the oldest are not known.
    if (this.#tombstones.size <= SERVER_LIMITS.tombstones || !this.#recency.isInOrder) return;
    for (const [key, entry] of this.#tombstones) {
      if (this.#tombstones.size <= SERVER_LIMITS.tombstones) return;
      this.#forgotten = Math.max(this.#forgotten, entry.seq);
      this.#tombstones.delete(key);
      this.#recency.remove(entry);
      this.#index.remove(entry);
    }
  }
}
