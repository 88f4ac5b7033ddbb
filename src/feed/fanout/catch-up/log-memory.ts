import type { Share } from "../budget.ts";

/** Bytes that a reader finds in one step, most often. */
const STEP = 512 * 1024;

/**
 * What readers have gathered of the log and not told yet, in bytes. Where all together have too much, only the one that
 * began first goes on, so that there is always one that comes to its end.
 */
export class Gathered {
  readonly #most: number;
  readonly #share: Share;
  readonly #by = new Map<object, number>();
  #bytes = 0;

  constructor(most: number, share: Share) {
    this.#most = most;
    this.#share = share;
  }

  /** Whether one may read on. */
  mayAdd(reader: object): boolean {
    const [first = reader] = this.#by.keys();
    return first === reader || (this.#bytes < this.#most && this.#share.has(STEP));
  }

  /** Notes how much one has now. Whether there is room for it: where not, it has to let go of it. */
  has(reader: object, bytes: number): boolean {
    this.#bytes += bytes - (this.#by.get(reader) ?? 0);
    this.#by.set(reader, bytes);
    return this.#count();
  }

  release(reader: object): void {
    this.#bytes -= this.#by.get(reader) ?? 0;
    this.#by.delete(reader);
    this.#count();
  }

  #count(): boolean {
    const [first = 0] = this.#by.values();
    return this.#share.setAll(this.#bytes, first);
  }
}
