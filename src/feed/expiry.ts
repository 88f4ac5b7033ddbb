/** One key's time to die. Stale items (the entry has been given another time since) are skipped when they come up. */
interface Item {
  readonly at: number;
  readonly key: string;
}

/** Keys by the time at which they expire: a binary heap, the earliest on top. */
export class ExpiryQueue {
  #heap: Item[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest time at which something may expire, in milliseconds since 1970. */
  get next(): number | undefined {
    return this.#heap[0]?.at;
  }

  add(at: number, key: string): void {
    const heap = this.#heap;
    const item = { at, key };
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (!above || above.at <= at) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = item;
  }

  /** Takes off every item whose time has come by `now`. */
  *due(now: number): Generator<Item> {
    for (let top = this.#heap[0]; top && top.at <= now; top = this.#heap[0]) {
      this.#removeTop();
      yield top;
    }
  }

  /** Drops all items that `isCurrent` denies: keys that are renewed again and again leave one item each time. */
  compact(isCurrent: (item: Item) => boolean): void {
    const items = this.#heap.filter(isCurrent);
    this.#heap = [];
    for (const item of items) this.add(item.at, item.key);
  }

  #removeTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const right = heap[child + 1];
      let smallest = heap[child];
      if (!smallest) break;
      if (right && right.at < smallest.at) {
        smallest = right;
        child++;
      }
      if (smallest.at >= last.at) break;
      heap[i] = smallest;
      i = child;
    }
    heap[i] = last;
  }
}
