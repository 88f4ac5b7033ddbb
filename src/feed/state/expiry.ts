/** An item that may expire. */
export interface Expiring {
  /** Milliseconds since 1970; undefined if it does not expire. */
  readonly expires: number | undefined;
  /** Index in the queue's heap; -1 if it is not there. Only the queue sets it. */
  heapIndex: number;
}

/** Items by expiry, in a binary heap. Each knows its index: if its time changes it moves, and leaves nothing behind. */
export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest time at which an item expires. */
  get next(): number | undefined {
    return this.#heap[0]?.expires;
  }

  /** Puts an item where its time belongs, or takes it out if it does not expire. */
  update(item: T): void {
    if (item.expires === undefined) {
      this.#remove(item);
      return;
    }
    if (item.heapIndex < 0) item.heapIndex = this.#heap.push(item) - 1;
    this.#sift(item);
  }

  /** Takes out at most `most` items that have expired by `now`. */
  *due(now: number, most: number): Generator<T> {
    for (let taken = 0; taken < most; taken++) {
      const top = this.#heap[0];
      if (top?.expires === undefined || top.expires > now) return;
      this.#remove(top);
      yield top;
    }
  }

  #remove(item: T): void {
    const { heapIndex } = item;
    if (heapIndex < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop();
    if (!last || last === item) return;
    this.#put(last, heapIndex);
    this.#sift(last);
  }

  /** Moves an item up or down to where it belongs. */
  #sift(item: T): void {
    const at = timeOf(item);
    let index = item.heapIndex;
    for (let above = this.#above(index); above && timeOf(above) > at; above = this.#above(index)) {
      const free = above.heapIndex;
      this.#put(above, index);
      index = free;
    }
    for (let below = this.#below(index); below && timeOf(below) < at; below = this.#below(index)) {
      const free = below.heapIndex;
      this.#put(below, index);
      index = free;
    }
    this.#put(item, index);
  }

  #put(item: T, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }

  #above(index: number): T | undefined {
    return index > 0 ? this.#heap[(index - 1) >> 1] : undefined;
  }

  /** The earlier of the two below. */
  #below(index: number): T | undefined {
    const left = this.#heap[2 * index + 1];
    const right = this.#heap[2 * index + 2];
    return left && right && timeOf(right) < timeOf(left) ? right : left;
  }
}

function timeOf({ expires = Infinity }: Expiring): number {
  return expires;
}

/** When an entry with a `ttl` in seconds expires. Rounded up to whole milliseconds, as alarms know no smaller unit. */
export function expiryOf(now: number, ttl: number): number {
  // 0.057 * 1000 is a little more than 57, and means 57.
  return Math.ceil(now) + Math.max(1, Math.ceil(ttl * 1000 - 1e-6));
}
