/** 32 bits each: of the principal with its idempotency key, and of the credential. */
export interface Hashes {
  readonly key: number;
  readonly credential: number;
}

const FIRST_SLOTS = 64;
/** The table grows by half when this part of it is in use: 9 to 14 bytes a publish. */
const FULLEST = 0.85;
/** Counters of publishes by credential, in each of two rows: one pair of credentials in 4 million shares both its counters. */
const COUNTERS = 2048;

/** The publishes that were remembered within some seconds: a hash table with two numbers for each. */
export class RememberedSpan {
  /** When the first and the last were accepted, in milliseconds since 1970. */
  readonly first: number;
  last: number;
  size = 0;
  /** The table has ordinals minus this one, so that they fit into 32 bits; 0 is an empty slot. */
  readonly #base: number;
  #slots = FIRST_SLOTS;
  #table = new Uint32Array(2 * FIRST_SLOTS);
  readonly #counters = new Uint32Array(2 * COUNTERS);

  constructor(first: number, ordinal: number) {
    this.first = first;
    this.last = first;
    this.#base = ordinal - 1;
  }

  get bytes(): number {
    return this.#table.byteLength + this.#counters.byteLength;
  }

  add(ordinal: number, key: number, credential: number, at: number): void {
    if (this.size >= FULLEST * this.#slots) this.#grow();
    this.#put(key, ordinal - this.#base);
    this.size++;
    this.last = Math.max(this.last, at);
    for (const counter of countersOf(credential)) this.#counters[counter] = (this.#counters[counter] ?? 0) + 1;
  }

  /** Ordinals of the publishes whose key has this hash, in any order. */
  *find(hash: number): Generator<number> {
    for (let slot = this.#slotOf(hash); ; slot = (slot + 1) % this.#slots) {
      const ordinal = this.#table[2 * slot + 1] ?? 0;
      if (ordinal === 0) return;
      if (this.#table[2 * slot] === hash) yield ordinal + this.#base;
    }
  }

  /** How many came with a credential: hardly ever too many, never too few. */
  countOf(credential: number): number {
    return Math.min(...countersOf(credential).map((counter) => this.#counters[counter] ?? 0));
  }

  #put(hash: number, ordinal: number): void {
    let slot = this.#slotOf(hash);
    while (this.#table[2 * slot + 1] !== 0) slot = (slot + 1) % this.#slots;
    this.#table[2 * slot] = hash;
    this.#table[2 * slot + 1] = ordinal;
  }

  #slotOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * this.#slots);
  }

  #grow(): void {
    const table = this.#table;
    this.#slots = Math.ceil(1.5 * this.#slots);
    this.#table = new Uint32Array(2 * this.#slots);
    for (let i = 0; i < table.length; i += 2) {
      const ordinal = table[i + 1] ?? 0;
      if (ordinal !== 0) this.#put(table[i] ?? 0, ordinal);
    }
  }
}

/** One in each row. */
function countersOf(credential: number): [number, number] {
  return [credential % COUNTERS, COUNTERS + (Math.floor(credential / COUNTERS) % COUNTERS)];
}
