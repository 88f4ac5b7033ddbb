/** A part of the budget, for one kind of use: so much is always there for it, and beyond that what all share. */
export class Share {
  readonly #pool: { left: number };
  readonly #own: number;
  #used = 0;

  constructor(pool: { left: number }, own: number) {
    this.#pool = pool;
    this.#own = own;
  }

  /** What the others leave to all, and what this has for itself. */
  get room(): number {
    return this.#pool.left + Math.max(0, this.#own - this.#used);
  }

  /** Whether there is room for so many bytes more. */
  has(bytes: number): boolean {
    return this.#beyond(this.#used + bytes) - this.#beyond(this.#used) <= this.#pool.left;
  }

  /** Takes so many bytes more, where there is room for them. */
  take(bytes: number): boolean {
    if (!this.has(bytes)) return false;
    this.#move(this.#used + bytes);
    return true;
  }

  give(bytes: number): void {
    this.#move(this.#used - bytes);
  }

  /** Has so many bytes from now on, where there is room for them; fewer than before always are had. */
  set(bytes: number): boolean {
    if (bytes > this.#used) return this.take(bytes - this.#used);
    this.#move(bytes);
    return true;
  }

  /** The same where what is its own is for the `first` of all alone, which has so many of them. */
  setAll(bytes: number, first: number): boolean {
    return this.set(this.#own + bytes - Math.min(first, this.#own));
  }

  #move(used: number): void {
    this.#pool.left -= this.#beyond(used) - this.#beyond(this.#used);
    this.#used = used;
  }

  #beyond(used: number): number {
    return Math.max(0, used - this.#own);
  }
}

const MIB = 1024 * 1024;

/**
 * What each share has for itself, and what all share, in bytes. Each takes one piece at least, so that it goes on whatever
 * the others do. All together is part of the sum in SPEC.md.
 */
export const SHARE_BYTES = {
  /** The log as the reader that began first reads it: where there is no more room, it gets a snapshot past that. */
  log: MIB,
  /** The longest page of history that is made where there is no more room. */
  history: 0.75 * MIB,
  /** The longest part of a long answer, as UTF-8. */
  answers: MIB,
  /** What some eighty short reads that wait select. */
  waits: 0.5 * MIB,
  /** The longest publish, as this server writes it. */
  publishes: 2.5 * MIB + 1024,
  /** Small updates for many groups. */
  groups: MIB,
  /** For whoever comes first. With it, the sum of what an object holds is 120 MB. */
  shared: 3 * MIB,
};

/**
 * The memory of a feed's object for what comes and goes, but for frozen lists: one of them may be as long as all of them,
 * and none has to wait for anything else, so that they have a bound of their own.
 */
export class Budget {
  readonly #pool: { left: number };
  readonly log: Share;
  readonly history: Share;
  readonly answers: Share;
  readonly waits: Share;
  readonly publishes: Share;
  readonly groups: Share;

  constructor() {
    this.#pool = { left: SHARE_BYTES.shared };
    this.log = new Share(this.#pool, SHARE_BYTES.log);
    this.history = new Share(this.#pool, SHARE_BYTES.history);
    this.answers = new Share(this.#pool, SHARE_BYTES.answers);
    this.waits = new Share(this.#pool, SHARE_BYTES.waits);
    this.publishes = new Share(this.#pool, SHARE_BYTES.publishes);
    this.groups = new Share(this.#pool, SHARE_BYTES.groups);
  }

  /** Bytes of what all share that nobody uses. */
  get left(): number {
    return this.#pool.left;
  }
}
