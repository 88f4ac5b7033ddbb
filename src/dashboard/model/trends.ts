/** The last values of one key, oldest first. */
export interface Trend {
  readonly values: readonly number[];
}

/** Points of one key. */
const POINTS = 60;
/** Milliseconds that one point stands for, so that a minute fits, however often a key changes. */
const STEP = 1000;
/** Keys whose values are kept, the ones that changed last: some 5 MB. */
const MAX_KEYS = 10_000;

interface Kept extends Trend {
  readonly values: number[];
  at: number;
}

/** What a number did lately, for each key. Time is an argument, in milliseconds. */
export class Trends {
  readonly #kept = new Map<string, Kept>();

  get(key: string): Trend | undefined {
    return this.#kept.get(key);
  }

  add(key: string, value: number, now: number): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      const [oldest] = this.#kept.size >= MAX_KEYS ? this.#kept.keys() : [];
      if (oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.set(key, { values: [value], at: now });
      return;
    }
    if (now - kept.at < STEP && kept.values.length > 1) {
      kept.values[kept.values.length - 1] = value;
      return;
    }
    kept.values.push(value);
    if (kept.values.length > POINTS) kept.values.shift();
    kept.at = now;
    // A Map keeps its keys in the order in which they were put in: this one is the newest again.
    this.#kept.delete(key);
    this.#kept.set(key, kept);
  }

  remove(key: string): void {
    this.#kept.delete(key);
  }

  clear(): void {
    this.#kept.clear();
  }
}
