import type { Entry } from "./entry.ts";

/** Entries from the one that changed longest ago to the newest, taken one by one while they go on changing. */
export interface Walk {
  next(): Entry | undefined;
  /** To be called when no more are taken. */
  end(): void;
}

/** Entries linked in the order in which they last changed. */
export class Recency {
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #size = 0;
  #isInOrder = true;
  /** Where each walk goes on. */
  readonly #walks = new Set<{ next: Entry | undefined }>();

  get size(): number {
    return this.#size;
  }

  get newestSeq(): number {
    return this.#newest?.seq ?? 0;
  }

  /** Whether each entry's seq is above that of the one before. */
  get isInOrder(): boolean {
    return this.#isInOrder;
  }

  /** The entry that changed longest ago of those that have changed after `seq`. */
  firstAfter(seq: number): Entry | undefined {
    if (this.#oldest && this.#oldest.seq > seq) return this.#oldest;
    let first: Entry | undefined;
    for (let entry = this.#newest; entry && entry.seq > seq; entry = entry.older) first = entry;
    return first;
  }

  moveToNewest(entry: Entry): void {
    if (this.#newest !== entry) {
      if (this.#newest && this.#newest.seq > entry.seq) this.#isInOrder = false;
      this.remove(entry);
      this.#append(entry);
    }
    // A walk that had met all that there was meets this one too.
    for (const walk of this.#walks) walk.next ??= entry;
  }

  remove(entry: Entry): void {
    if (!this.#has(entry)) return;
    for (const walk of this.#walks) if (walk.next === entry) walk.next = entry.newer;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    this.#size--;
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    if (this.#newest) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
    this.#size++;
  }

  walk(): Walk {
    const place = { next: this.#oldest };
    this.#walks.add(place);
    return {
      next: () => {
        const entry = place.next;
        place.next = entry?.newer;
        return entry;
      },
      end: () => void this.#walks.delete(place),
    };
  }

  /** Puts entries in order that came out of it. Tells whether there was need to. */
  bringInOrder(): boolean {
    if (this.#isInOrder) return false;
    const entries: Entry[] = [];
    for (let entry = this.#oldest; entry; entry = entry.newer) entries.push(entry);
    for (const entry of entries) this.remove(entry);
    this.#isInOrder = true;
    for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) this.moveToNewest(entry);
    return true;
  }

  #has(entry: Entry): boolean {
    return entry.older !== undefined || entry.newer !== undefined || this.#newest === entry;
  }
}
