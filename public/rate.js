// @ts-check

/** Seconds averaged over: short enough to follow the market, long enough to be read. */
const SPAN = 5;

/** Counts events, and says how many there were a second. Time is an argument, in ms. */
export class Rate {
  /** @type {{ second: number, count: number }[]} */ #seconds = [];
  #since;

  /** @param {number} now When counting begins. */
  constructor(now) {
    this.#since = Math.floor(now / 1000);
  }

  /**
   * @param {number} count
   * @param {number} now
   */
  add(count, now) {
    const second = Math.floor(now / 1000);
    const last = this.#seconds.at(-1);
    if (last?.second === second) last.count += count;
    else this.#seconds.push({ second, count });
    this.#forget(second);
  }

  /**
   * @param {number} now
   * @returns {number} Per second, over the last whole seconds.
   */
  at(now) {
    const second = Math.floor(now / 1000);
    this.#forget(second);
    let sum = 0;
    for (const past of this.#seconds) if (past.second < second) sum += past.count;
    return sum / Math.min(SPAN, Math.max(1, second - this.#since));
  }

  /** @param {number} second */
  #forget(second) {
    this.#seconds = this.#seconds.filter((past) => past.second >= second - SPAN);
  }
}
