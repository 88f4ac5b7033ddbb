/**
 * Lets what arrives together share one write. The first arrival after a quiet time is written at once; those that
 * follow within the window are gathered, until it ends or enough of them wait.
 */
export class GroupCommit<T> {
  readonly #write: (items: readonly T[]) => void;
  readonly #now: () => number;
  readonly #window: number;
  readonly #enough: number;
  #waiting: { item: T; written: () => void; failed: (error: unknown) => void }[] = [];
  #lastWrite = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `window` is in milliseconds, `enough` in items. `write` is synchronous, all or nothing. */
  constructor(options: { write: (items: readonly T[]) => void; now: () => number; window: number; enough: number }) {
    this.#write = options.write;
    this.#now = options.now;
    this.#window = options.window;
    this.#enough = options.enough;
  }

  /** Resolves once the item has been written, rejects if it could not be. */
  add(item: T): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, written: resolve, failed: reject });
    });
    const wait = this.#lastWrite + this.#window - this.#now();
    if (wait > 0 && this.#waiting.length < this.#enough) this.#timer ??= setTimeout(() => this.#settleQuietly(), wait);
    else this.#settleQuietly();
    return written;
  }

  /** A failed write is told to those who wait for it, and to nobody else. */
  #settleQuietly(): void {
    try {
      this.settle();
    } catch {}
  }

  /** Writes what waits, now. Called before anything is told to anyone: nothing unwritten may be seen. */
  settle(): void {
    clearTimeout(this.#timer ?? null);
    this.#timer = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#lastWrite = this.#now();
    try {
      this.#write(waiting.map(({ item }) => item));
    } catch (error) {
      for (const { failed } of waiting) failed(error);
      throw error;
    }
    for (const { written } of waiting) written();
  }
}
