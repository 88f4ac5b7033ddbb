/** 32 bits each: of whose key it is and which, and of the credential. */
export interface Hashes {
  readonly key: number;
  readonly credential: number;
}

const FIRST_SIZE = 64;
/** The table grows by half when it is so full: 9 to 14 bytes a publish. */
const FULLEST = 0.85;
/** Counters of publishes by credential, in two rows: two credentials that meet in both are one in 4 million. */
const COUNTERS = 2048;

/** The publishes that were remembered within some seconds of each other: a hash table of two numbers a publish. */
export class RememberedSpan {
  /** When the first and the last of them were accepted, in milliseconds since 1970. */
  readonly first: number;
  last: number;
  size = 0;
  /** The table holds ordinals less this one, so that they fit; 0 is an empty place. */
  readonly #base: number;
  #places = FIRST_SIZE;
  #table = new Uint32Array(2 * FIRST_SIZE);
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
    if (this.size >= FULLEST * this.#places) this.#grow();
    this.#put(key, ordinal - this.#base);
    this.size++;
    this.last = Math.max(this.last, at);
    const [one, two] = [firstCounter(credential), secondCounter(credential)];
    this.#counters[one] = (this.#counters[one] ?? 0) + 1;
    this.#counters[two] = (this.#counters[two] ?? 0) + 1;
  }

  /** Ordinals of the publishes whose key has this hash, in no order. */
  *find(hash: number): Generator<number> {
    for (let place = this.#placeOf(hash); ; place = (place + 1) % this.#places) {
      const ordinal = this.#table[2 * place + 1] ?? 0;
      if (ordinal === 0) return;
      if (this.#table[2 * place] === hash) yield ordinal + this.#base;
    }
  }

  /** How many came with a credential: hardly ever too high, and never too low. */
  countOf(credential: number): number {
    return Math.min(this.#counters[firstCounter(credential)] ?? 0, this.#counters[secondCounter(credential)] ?? 0);
  }

  #put(hash: number, ordinal: number): void {
    let place = this.#placeOf(hash);
    while (this.#table[2 * place + 1] !== 0) place = (place + 1) % this.#places;
    this.#table[2 * place] = hash;
    this.#table[2 * place + 1] = ordinal;
  }

  #placeOf(hash: number): number {
    return Math.floor((hash / 2 ** 32) * this.#places);
  }

  #grow(): void {
    const table = this.#table;
    this.#places = Math.ceil(1.5 * this.#places);
    this.#table = new Uint32Array(2 * this.#places);
    for (let i = 0; i < table.length; i += 2) {
      const ordinal = table[i + 1] ?? 0;
      if (ordinal !== 0) this.#put(table[i] ?? 0, ordinal);
    }
  }
}

function firstCounter(credential: number): number {
  return credential % COUNTERS;
}

function secondCounter(credential: number): number {
  return COUNTERS + (Math.floor(credential / COUNTERS) % COUNTERS);
}
