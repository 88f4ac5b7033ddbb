import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Position } from "../../../protocol/position.ts";
import { bytesOf } from "../../state/entry.ts";

/**
 * Messages that were encoded for one subscriber and serve others too. When many come at once, most of them need the
 * same: it is encoded for the first and reused for the rest.
 */
export class EncodedCache {
  /** The one that was used longest ago comes first. */
  readonly #messages = new Map<string, readonly string[]>();
  #position = "";
  #bytes = 0;

  /** The messages for `key` at this position of the feed, encoded if they are not there. */
  getAt(position: Position, key: string, encode: () => readonly string[]): readonly string[] {
    this.#moveTo(position);
    return this.get(key, encode);
  }

  /** The messages for `key` at this position of the feed, if they are there. */
  findAt(position: Position, key: string): readonly string[] | undefined {
    this.#moveTo(position);
    return this.#messages.get(key);
  }

  /** The messages for `key`, encoded if they are not there. For messages that depend on no position. */
  get(key: string, encode: () => readonly string[]): readonly string[] {
    const known = this.#messages.get(key);
    const messages = known ?? encode();
    // Set again, so that it comes last.
    this.#messages.delete(key);
    if (!known) this.#bytes += sizeOf(key, messages);
    this.#messages.set(key, messages);
    for (const [oldest, forgotten] of this.#messages) {
      if (this.#bytes <= SERVER_LIMITS.encodedCacheBytes) break;
      this.#messages.delete(oldest);
      this.#bytes -= sizeOf(oldest, forgotten);
    }
    return messages;
  }

  /** Messages of another position are of no more use. */
  #moveTo({ epoch, seq }: Position): void {
    const position = `${epoch}:${seq}`;
    if (position === this.#position) return;
    this.#position = position;
    this.#messages.clear();
    this.#bytes = 0;
  }
}

/** Bytes of memory. */
function sizeOf(key: string, messages: readonly string[]): number {
  let bytes = bytesOf(key);
  for (const message of messages) bytes += bytesOf(message);
  return bytes;
}
