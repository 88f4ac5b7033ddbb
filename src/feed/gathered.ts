/**
 * What readers have gathered of the log and not told yet, in characters. Where all together have too much, only the one
 * that began first goes on, so that there is always one that comes to its end.
 */
export class Gathered {
  readonly #most: number;
  readonly #by = new Map<object, number>();
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether one may read on. */
  mayAdd(reader: object): boolean {
    if (this.#length < this.#most) return true;
    const [first] = this.#by.keys();
    return first === reader;
  }

  /** Notes how much one has now. */
  has(reader: object, length: number): void {
    this.#length += length - (this.#by.get(reader) ?? 0);
    this.#by.set(reader, length);
  }

  release(reader: object): void {
    this.#length -= this.#by.get(reader) ?? 0;
    this.#by.delete(reader);
  }
}
