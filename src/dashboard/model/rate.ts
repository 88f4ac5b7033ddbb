/** Counts events by the second. Time is an argument, in milliseconds. */
export class Rate {
  readonly #counts: number[];
  /** The second of each count: a ring holds old ones until they are written over. */
  readonly #seconds: number[];
  readonly #since: number;

  /** `span`: how many whole seconds are kept; `now`: when counting begins. */
  constructor(span: number, now: number) {
    this.#counts = Array.from({ length: span + 1 }, () => 0);
    this.#seconds = Array.from({ length: span + 1 }, () => -1);
    this.#since = Math.floor(now / 1000);
  }

  add(count: number, now: number): void {
    const second = Math.floor(now / 1000);
    const slot = second % this.#counts.length;
    if (this.#seconds[slot] !== second) {
      this.#seconds[slot] = second;
      this.#counts[slot] = 0;
    }
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
  }

  /** The average a second over the last whole `seconds`, or over fewer where counting began later. */
  over(seconds: number, now: number): number {
    const second = Math.floor(now / 1000);
    let sum = 0;
    for (let past = second - seconds; past < second; past++) sum += this.#at(past);
    return sum / Math.min(seconds, Math.max(1, second - this.#since));
  }

  /** The counts of the last whole `seconds`, oldest first. */
  past(seconds: number, now: number): number[] {
    const second = Math.floor(now / 1000);
    return Array.from({ length: seconds }, (_, i) => this.#at(second - seconds + i));
  }

  #at(second: number): number {
    const slot = ((second % this.#counts.length) + this.#counts.length) % this.#counts.length;
    return this.#seconds[slot] === second ? (this.#counts[slot] ?? 0) : 0;
  }
}
