/**
 * Calls back once nothing was noted for a while. It is not set anew with each note: what is noted often, an answer for one,
 * would cost less than the timers that it clears and sets.
 */
export class QuietTimer {
  readonly #wait: number;
  readonly #steady: () => number;
  readonly #onQuiet: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #quietAt = 0;

  /** `wait`: milliseconds. `steady`: a clock that never goes backwards. */
  constructor(wait: number, steady: () => number, onQuiet: () => void) {
    this.#wait = wait;
    this.#steady = steady;
    this.#onQuiet = onQuiet;
  }

  note(): void {
    this.#quietAt = this.#steady() + this.#wait;
    this.#timer ??= setTimeout(() => this.#onTimer(), this.#wait);
  }

  cancel(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onTimer(): void {
    const left = this.#quietAt - this.#steady();
    this.#timer = left > 0 ? setTimeout(() => this.#onTimer(), left) : undefined;
    if (this.#timer === undefined) this.#onQuiet();
  }
}
