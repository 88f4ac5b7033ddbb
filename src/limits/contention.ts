/** Milliseconds: a caller that came within them is still there. */
const STILL_THERE = 1_000;

/** Tells whether more than one caller is there: alone, one may have all of the thread. */
export class Contention {
  #last: string | undefined;
  #lastAt = -Infinity;
  /** When a caller came soon after another. */
  #mixedAt = -Infinity;

  note(caller: string, now: number): void {
    if (caller !== this.#last && now < this.#lastAt + STILL_THERE) this.#mixedAt = now;
    this.#last = caller;
    this.#lastAt = now;
  }

  isThere(now: number): boolean {
    return now < this.#mixedAt + STILL_THERE;
  }
}
