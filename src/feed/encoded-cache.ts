import { LIMITS } from "../protocol/limits.ts";
import type { Position } from "../protocol/position.ts";

/**
 * What was encoded for somebody at the present position. When many come at once, most of them want the same: it is
 * encoded for the first, and only copied for the others.
 */
export class EncodedCache {
  readonly #messages = new Map<string, readonly string[]>();
  #position = "";
  #length = 0;

  /** What was encoded for `key` at this position, or what `encode` makes. */
  get(key: string, at: Position, encode: () => readonly string[]): readonly string[] {
    const position = `${at.epoch}:${at.seq}`;
    if (position !== this.#position) this.clear();
    this.#position = position;
    let messages = this.#messages.get(key);
    if (!messages) {
      messages = encode();
      let length = key.length;
      for (const message of messages) length += message.length;
      if (this.#length + length > LIMITS.encodedCacheLength) this.clear();
      if (length > LIMITS.encodedCacheLength) return messages;
      this.#length += length;
      this.#messages.set(key, messages);
    }
    return messages;
  }

  clear(): void {
    this.#messages.clear();
    this.#length = 0;
  }
}
