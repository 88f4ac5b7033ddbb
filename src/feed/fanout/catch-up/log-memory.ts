import type { Share } from "../budget.ts";

/** Bytes that a reader of the log finds in one step, most often. */
const STEP_BYTES = 512 * 1024;

/**
 * The memory of what HTTP readers have collected from the log, or for pages of history, and not answered yet. If all
 * together have too much, only the reader that began first goes on, so that there is always one that finishes.
 */
export class LogMemory {
  readonly #limit: number;
  readonly #share: Share;
  readonly #stepBytes: number;
  /** Bytes by reader. The reader that began first comes first. */
  readonly #byReader = new Map<object, number>();
  #bytes = 0;

  /** `stepBytes`: what a reader may find in one step, for which there must be room before. */
  constructor(limit: number, share: Share, stepBytes = STEP_BYTES) {
    this.#limit = limit;
    this.#share = share;
    this.#stepBytes = stepBytes;
  }

  /** Whether a reader may read on. */
  hasRoom(reader: object): boolean {
    const [first = reader] = this.#byReader.keys();
    return first === reader || (this.#bytes < this.#limit && this.#share.has(this.#stepBytes));
  }

  /** Notes how much a reader has now. False if there is no room for it: the reader must then release all of it. */
  hold(reader: object, bytes: number): boolean {
    this.#bytes += bytes - (this.#byReader.get(reader) ?? 0);
    this.#byReader.set(reader, bytes);
    return this.#count();
  }

  release(reader: object): void {
    this.#bytes -= this.#byReader.get(reader) ?? 0;
    this.#byReader.delete(reader);
    this.#count();
  }

  #count(): boolean {
    const [first = 0] = this.#byReader.values();
    return this.#share.setAll(this.#bytes, first);
  }
}
