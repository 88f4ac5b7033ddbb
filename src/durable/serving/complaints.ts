/** Milliseconds for which the same is not told again. */
const PAUSE = 60_000;
/** Complaints that are remembered. */
const MANY = 1_000;

/** Tells the operator why something fails: once in a while, and not for each request. */
export class Complaints {
  readonly #now: () => number;
  readonly #told = new Map<string, number>();

  /** `now`: milliseconds that never go backwards. */
  constructor(now: () => number) {
    this.#now = now;
  }

  complain(what: string, error: unknown): void {
    const now = this.#now();
    if (now - (this.#told.get(what) ?? -Infinity) < PAUSE) return;
    if (this.#told.size >= MANY) this.#told.clear();
    this.#told.set(what, now);
    // oxlint-disable-next-line no-console
    console.error(`tickertape: ${what}`, error);
  }
}
