import { LIMITS } from "../../../protocol/limits.ts";
import type { Position } from "../../../protocol/position.ts";
import { bytesOf } from "../../state/entry.ts";

/**
 * What was encoded for somebody. When many come at once, most of them want the same: it is encoded for the first, and
 * only copied for the others.
 */
export class EncodedCache {
  /** What was longest not asked for comes first. */
  readonly #messages = new Map<string, readonly string[]>();
  #position = "";
  #bytes = 0;

  /** What was encoded for `key` at this position, or what `encode` makes. */
  get(key: string, at: Position, encode: () => readonly string[]): readonly string[] {
    this.#moveTo(at);
    return this.keep(key, encode);
  }

  /** What was encoded for `key` at this position, if it was. */
  find(key: string, at: Position): readonly string[] | undefined {
    this.#moveTo(at);
    return this.#messages.get(key);
  }

  /** The same for what does not depend on where the feed is. */
  keep(key: string, encode: () => readonly string[]): readonly string[] {
    const known = this.#messages.get(key);
    const messages = known ?? encode();
    this.#messages.delete(key);
    if (!known) this.#bytes += takenBy(key, messages);
    this.#messages.set(key, messages);
    for (const [oldest, forgotten] of this.#messages) {
      if (this.#bytes <= LIMITS.encodedCacheBytes) break;
      this.#messages.delete(oldest);
      this.#bytes -= takenBy(oldest, forgotten);
    }
    return messages;
  }

  #moveTo(at: Position): void {
    const position = `${at.epoch}:${at.seq}`;
    if (position === this.#position) return;
    this.#position = position;
    this.#messages.clear();
    this.#bytes = 0;
  }
}

function takenBy(key: string, messages: readonly string[]): number {
  let bytes = bytesOf(key);
  for (const message of messages) bytes += bytesOf(message);
  return bytes;
}
