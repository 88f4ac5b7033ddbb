/** What dies at a time, where it has one. */
export interface Expiring {
  /** Milliseconds since 1970. */
  readonly expires: number | undefined;
  /** Where it stands in the queue; -1 where it is not in it. Kept by the queue alone. */
  place: number;
}

/**
 * What expires, the earliest first: a binary heap in which each knows its place, so that one whose time changes moves
 * and leaves nothing behind.
 */
export class ExpiryQueue<T extends Expiring> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest time at which something expires. */
  get next(): number | undefined {
    return this.#heap[0]?.expires;
  }

  /** Puts an item where its time says, or takes it out where it has none. */
  update(item: T): void {
    if (item.expires === undefined) {
      this.#remove(item);
      return;
    }
    if (item.place < 0) item.place = this.#heap.push(item) - 1;
    this.#settle(item);
  }

  /** Takes off at most `most` items whose time has come by `now`. */
  *due(now: number, most: number): Generator<T> {
    for (let taken = 0; taken < most; taken++) {
      const top = this.#heap[0];
      if (top?.expires === undefined || top.expires > now) return;
      this.#remove(top);
      yield top;
    }
  }

  #remove(item: T): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop();
    if (!last || last === item) return;
    this.#put(last, place);
    this.#settle(last);
  }

  /** Moves an item up or down to where it belongs. */
  #settle(item: T): void {
    const at = timeOf(item);
    let place = item.place;
    for (let above = this.#above(place); above && timeOf(above) > at; above = this.#above(place)) {
      const free = above.place;
      this.#put(above, place);
      place = free;
    }
    for (let below = this.#below(place); below && timeOf(below) < at; below = this.#below(place)) {
      const free = below.place;
      this.#put(below, place);
      place = free;
    }
    this.#put(item, place);
  }

  #put(item: T, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }

  #above(place: number): T | undefined {
    return place > 0 ? this.#heap[(place - 1) >> 1] : undefined;
  }

  /** The earlier one of the two below. */
  #below(place: number): T | undefined {
    const left = this.#heap[2 * place + 1];
    const right = this.#heap[2 * place + 2];
    return left && right && timeOf(right) < timeOf(left) ? right : left;
  }
}

function timeOf({ expires = Infinity }: Expiring): number {
  return expires;
}

/** When what is given `ttl` seconds at `now` expires: in whole milliseconds, since no alarm knows smaller ones, rounded up. */
export function expiryOf(now: number, ttl: number): number {
  // 0.057 * 1000 is a little more than 57, and means 57.
  return Math.ceil(now) + Math.max(1, Math.ceil(ttl * 1000 - 1e-6));
}
