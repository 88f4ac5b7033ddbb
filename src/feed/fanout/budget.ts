/** A part of the budget, for one kind of use: some bytes are reserved for it, more come from the pool that all share. */
export class Share {
  readonly #pool: { left: number };
  readonly #reserved: number;
  #used = 0;

  constructor(pool: { left: number }, reserved: number) {
    this.#pool = pool;
    this.#reserved = reserved;
  }

  /** Bytes that it may still take. */
  get room(): number {
    return this.#pool.left + Math.max(0, this.#reserved - this.#used);
  }

  /** Whether it may take so many bytes more. */
  has(bytes: number): boolean {
    return this.#fromPool(this.#used + bytes) - this.#fromPool(this.#used) <= this.#pool.left;
  }

  /** Takes so many bytes more. Returns false, and takes none, if there is no room. */
  take(bytes: number): boolean {
    if (!this.has(bytes)) return false;
    this.#move(this.#used + bytes);
    return true;
  }

  give(bytes: number): void {
    this.#move(this.#used - bytes);
  }

  /** Sets how many bytes it has. Returns false, and changes nothing, if there is no room; fewer than before always fit. */
  set(bytes: number): boolean {
    if (bytes > this.#used) return this.take(bytes - this.#used);
    this.#move(bytes);
    return true;
  }

  /** As `set`, for several users: only the first of them, which has `first` of the bytes, may use what is reserved. */
  setAll(bytes: number, first: number): boolean {
    return this.set(this.#reserved + bytes - Math.min(first, this.#reserved));
  }

  #move(used: number): void {
    this.#pool.left -= this.#fromPool(used) - this.#fromPool(this.#used);
    this.#used = used;
  }

  #fromPool(used: number): number {
    return Math.max(0, used - this.#reserved);
  }
}

const MIB = 1024 * 1024;

/**
 * Bytes reserved for each share, and in the pool. Each share has enough for one piece, so that it goes on whatever the
 * others do. The total is part of the sum in SPEC.md.
 */
export const SHARE_BYTES = {
  /** What the reader that began first collects from the log. If it needs more and there is no room, it gets a snapshot. */
  log: MIB,
  /** The longest page of history that is made when the pool is empty. */
  history: 0.75 * MIB,
  /** The longest part of a long answer, as UTF-8. */
  answers: MIB,
  /** The selections of some eighty short reads that wait. */
  waits: 0.5 * MIB,
  /** The longest publish, as this server writes it. */
  publishes: 2.5 * MIB + 1024,
  /** Small updates for many groups. */
  groups: MIB,
  /** The pool. With it, an object holds 126 MB in all. */
  pool: 3 * MIB,
};

/**
 * The memory of a feed's object for what comes and goes, without frozen lists. These have a limit of their own: one list
 * may be as long as all together, and none must wait for anything else.
 */
export class Budget {
  readonly #pool = { left: SHARE_BYTES.pool };
  readonly log = new Share(this.#pool, SHARE_BYTES.log);
  readonly history = new Share(this.#pool, SHARE_BYTES.history);
  readonly answers = new Share(this.#pool, SHARE_BYTES.answers);
  readonly waits = new Share(this.#pool, SHARE_BYTES.waits);
  readonly publishes = new Share(this.#pool, SHARE_BYTES.publishes);
  readonly groups = new Share(this.#pool, SHARE_BYTES.groups);

  /** Bytes left in the pool. */
  get left(): number {
    return this.#pool.left;
  }
}
