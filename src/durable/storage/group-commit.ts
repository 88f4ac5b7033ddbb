/** When a feed commits. */
export interface CommitPolicy {
  /** Milliseconds. Under sustained load there is one write in each window, for all batches that came in meanwhile. */
  readonly window: number;
  /** Once so many batches wait, they are written with those that have come in by then. */
  readonly enough: number;
  /** So many waiting batches are written at once. */
  readonly most: number;
  /**
   * After a quiet time, so many batches are written at once, one by one, before load counts as sustained.
   */
  readonly burst: number;
  /**
   * A window that gathered fewer batches was not worth waiting for: a publisher that sends one batch after the other, each
   * after the receipt of the last, is served at once for a while, and for twice as long after each such window, up to
   * `grant` batches.
   */
  readonly worthwhile: number;
  readonly grant: number;
}

/** Milliseconds from one write that somebody urgent brings about to the next. */
const URGENT_EVERY = 5;
/** Few, so that a stream that merely paused for a window does not count as a publisher that sends one by one. */
const FIRST_GRANT = 10;

/**
 * Writes batches that arrive together in one row. Each write costs money and a turn of the disk, and each millisecond of
 * waiting delays a receipt: a feed that is published to now and then writes at once, and only a busy one gathers.
 */
export class GroupCommit<T> {
  readonly #write: (items: readonly T[]) => void;
  readonly #now: () => number;
  readonly #policy: CommitPolicy;
  #waiting: { item: T; written: () => void; failed: (error: unknown) => void }[] = [];
  /** A bucket that a write empties by one `window` and that time fills up to `burst` windows, or a grant; in milliseconds. */
  #credit: number;
  #creditedAt: number;
  /** How many writes at once follow the next window that was not worth waiting for. */
  #grant = FIRST_GRANT;
  /** When the window ends. */
  #endsAt = 0;
  #urgentAt = -Infinity;
  /** Whether a timer is armed, for then or earlier; and whether that is for this window, or left by one that ended early. */
  #isArmed = false;
  #isForThisWindow = false;

  /** `write` is synchronous, and writes all or nothing. */
  constructor(write: (items: readonly T[]) => void, policy: CommitPolicy, now: () => number) {
    this.#write = write;
    this.#policy = policy;
    this.#now = now;
    this.#credit = policy.burst * policy.window;
    this.#creditedAt = now();
  }

  /**
   * Resolves once the item is written; rejects if the write fails. `isUrgent`: it does not wait for a window that others fill,
   * if there was no other such write just before.
   */
  add(item: T, isUrgent = false): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, written: resolve, failed: reject });
    });
    const wait = this.#policy.window - this.#earnCredit();
    const now = this.#creditedAt;
    if (wait > 0 && isUrgent && now >= this.#urgentAt + URGENT_EVERY) {
      this.#urgentAt = now;
      this.#commitQuietly();
    } else if (wait > 0 && this.#waiting.length < this.#policy.most) {
      if (this.#waiting.length === 1) this.#endsAt = this.#creditedAt + wait;
      if (!this.#isArmed) this.#arm(wait);
      if (this.#waiting.length === this.#policy.enough) this.#commitSoon();
    } else this.#commitQuietly();
    return written;
  }

  /** Writes what waits once what has come in already was taken too: a timer fires behind that. */
  #commitSoon(): void {
    const waiting = this.#waiting;
    setTimeout(() => {
      if (this.#waiting === waiting) this.#commitQuietly();
    }, 0);
  }

  /** Writes what waits, now. To be called before anything is shown: nothing unwritten may be seen. */
  commit(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#isForThisWindow = false;
    this.#credit = Math.max(0, this.#earnCredit() - this.#policy.window);
    try {
      this.#write(waiting.map(({ item }) => item));
    } catch (error) {
      for (const { failed } of waiting) failed(error);
      throw error;
    }
    for (const { written } of waiting) written();
  }

  /** Most windows end early. Their timer is left for the next one: to arm one for each would cost more than to write. */
  #arm(wait: number): void {
    this.#isArmed = true;
    this.#isForThisWindow = true;
    setTimeout(() => {
      this.#isArmed = false;
      if (this.#waiting.length === 0) return;
      // The window's own timer ends it, whatever the clock says: that may stand still.
      const left = this.#isForThisWindow ? 0 : this.#endsAt - this.#now();
      if (left > 0) this.#arm(left);
      else this.#endWindow();
    }, wait);
  }

  #endWindow(): void {
    const gathered = this.#waiting.length;
    this.#commitQuietly();
    if (gathered >= this.#policy.worthwhile) {
      this.#grant = FIRST_GRANT;
      return;
    }
    this.#credit = Math.max(this.#credit, this.#grant * this.#policy.window);
    this.#grant = Math.min(2 * this.#grant, this.#policy.grant);
  }

  /** A failed write rejects the batches that wait for it, and nothing else. */
  #commitQuietly(): void {
    try {
      this.commit();
    } catch {}
  }

  #earnCredit(): number {
    const now = this.#now();
    const earned = Math.max(0, now - this.#creditedAt);
    this.#creditedAt = now;
    const most = Math.max(this.#policy.burst * this.#policy.window, this.#credit);
    this.#credit = Math.min(most, this.#credit + earned);
    return this.#credit;
  }
}
