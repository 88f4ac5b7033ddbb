import type { Entry } from "./entry.ts";

/** Takes entries one by one, from the one that changed longest ago to the newest, while they go on changing. */
export interface Walk {
  next(): Entry | undefined;
  /** Call it when no more are taken. */
  end(): void;
}

/** Entries linked in the order of their last changes. */
export class Recency {
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #size = 0;
  #isInOrder = true;
  /** The walks that have not ended. */
  readonly #walks = new Set<{ next: Entry | undefined }>();

  get size(): number {
    return this.#size;
  }

  get newestSeq(): number {
    return this.#newest?.seq ?? 0;
  }

  /** Whether the order is the order of seqs. */
  get isInOrder(): boolean {
    return this.#isInOrder;
  }

  /** Of the entries that have changed after `seq`, the one that changed longest ago. */
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
      entry.older = this.#newest;
      if (this.#newest) this.#newest.newer = entry;
      this.#newest = entry;
      this.#oldest ??= entry;
      this.#size++;
    }
    // A walk that is at its end meets this one, too.
    for (const walk of this.#walks) walk.next ??= entry;
  }

  remove(entry: Entry): void {
    const isHere = entry.older || entry.newer || this.#newest === entry;
    if (!isHere) return;
    for (const walk of this.#walks) if (walk.next === entry) walk.next = entry.newer;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    this.#size--;
  }

  walk(): Walk {
    const walk = { next: this.#oldest };
    this.#walks.add(walk);
    return {
      next: () => {
        const entry = walk.next;
        walk.next = entry?.newer;
        return entry;
      },
      end: () => void this.#walks.delete(walk),
    };
  }

  /** Sorts the entries by seq. Returns false if they were in order. */
  bringInOrder(): boolean {
    if (this.#isInOrder) return false;
    const entries: Entry[] = [];
    for (let entry = this.#oldest; entry; entry = entry.newer) entries.push(entry);
    for (const entry of entries) this.remove(entry);
    this.#isInOrder = true;
    for (const entry of entries.toSorted((a, b) => a.seq - b.seq)) this.moveToNewest(entry);
    return true;
  }
}
