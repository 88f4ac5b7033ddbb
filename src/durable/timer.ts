/** One thing to be done at one time. Setting it anew replaces the time, whether that is sooner or later. */
export class Timer {
  readonly #act: () => void;
  #handle: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  constructor(act: () => void) {
    this.#act = act;
  }

  /** Acts at `at`, or as soon after `now` as can be. Both in milliseconds of one clock, which must not go backwards. */
  set(at: number, now: number): void {
    if (this.#handle !== undefined && this.#at === at) return;
    this.cancel();
    this.#at = at;
    this.#handle = setTimeout(
      () => {
        this.#handle = undefined;
        this.#act();
      },
      Math.max(0, at - now),
    );
  }

  cancel(): void {
    if (this.#handle !== undefined) clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}
