export interface CommitPolicy {
  /** Under sustained load one write is made every so many milliseconds, for all that came in meanwhile. */
  readonly window: number;
  /** As many as this that wait are written without waiting longer. */
  readonly enough: number;
  /** So many writes are made at once after a quiet time, each for one publish, before load counts as sustained. */
  readonly burst: number;
  /**
   * A window that gathered fewer was not worth waiting for: whoever publishes one by one, each after the receipt
   * before, is served at once for a while, and for twice as long after each such window, up to a burst.
   */
  readonly worthwhile: number;
}

/** Few: a stream that merely paused for a window is not mistaken for a publisher that goes one by one. */
const FIRST_GRANT = 10;

/**
 * Lets what arrives together share one write. Each write costs money and a turn of the disk, each millisecond of
 * waiting delays a receipt: a feed that is published to now and then writes at once, and only a busy one gathers.
 */
export class GroupCommit<T> {
  readonly #write: (items: readonly T[]) => void;
  readonly #now: () => number;
  readonly #policy: CommitPolicy;
  #waiting: { item: T; written: () => void; failed: (error: unknown) => void }[] = [];
  /** A bucket that a write empties by one `window` and that time fills up to `burst` windows; in milliseconds. */
  #credit: number;
  #creditedAt: number;
  /** Writes at once that the next window which was not worth it is followed by. */
  #grant = FIRST_GRANT;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `write` is synchronous, and writes all or nothing. */
  constructor(write: (items: readonly T[]) => void, policy: CommitPolicy, now: () => number) {
    this.#write = write;
    this.#policy = policy;
    this.#now = now;
    this.#credit = policy.burst * policy.window;
    this.#creditedAt = now();
  }

  /** Resolves once the item has been written, rejects if it could not be. */
  add(item: T): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, written: resolve, failed: reject });
    });
    const wait = this.#policy.window - this.#earnCredit();
    if (wait > 0 && this.#waiting.length < this.#policy.enough) {
      this.#timer ??= setTimeout(() => this.#endWindow(), wait);
    } else this.#commitQuietly();
    return written;
  }

  /** Writes what waits, now. Called before anything is told to anyone: nothing unwritten may be seen. */
  commit(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#credit = Math.max(0, this.#earnCredit() - this.#policy.window);
    try {
      this.#write(waiting.map(({ item }) => item));
    } catch (error) {
      for (const { failed } of waiting) failed(error);
      throw error;
    }
    for (const { written } of waiting) written();
  }

  #endWindow(): void {
    const gathered = this.#waiting.length;
    this.#commitQuietly();
    if (gathered >= this.#policy.worthwhile) {
      this.#grant = FIRST_GRANT;
      return;
    }
    this.#credit = Math.max(this.#credit, this.#grant * this.#policy.window);
    this.#grant = Math.min(2 * this.#grant, this.#policy.burst);
  }

  /** A failed write is told to those who wait for it, and to nobody else. */
  #commitQuietly(): void {
    try {
      this.commit();
    } catch {}
  }

  #earnCredit(): number {
    const now = this.#now();
    const earned = Math.max(0, now - this.#creditedAt);
    this.#creditedAt = now;
    this.#credit = Math.min(this.#policy.burst * this.#policy.window, this.#credit + earned);
    return this.#credit;
  }
}
