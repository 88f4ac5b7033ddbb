import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Position } from "../../../protocol/position.ts";
import { bytesOf } from "../../state/entry.ts";
import type { EncodedMessage } from "../encoded-message.ts";

/** Messages encoded for one subscriber that serve others too: when many come at once, most of them need the same. */
export class EncodedCache {
  /** The one that was used longest ago comes first. */
  readonly #messages = new Map<string, EncodedMessage>();
  #position = "";
  #bytes = 0;

  /** The message for `key` at this position of the feed, if it is there. */
  findAt(position: Position, key: string): EncodedMessage | undefined {
    this.#moveTo(position);
    return this.#messages.get(key);
  }

  /** The message for `key`, encoded if it is not there; at the position of the last `findAt`, if there was any. */
  get(key: string, encode: () => EncodedMessage): EncodedMessage {
    const known = this.#messages.get(key);
    const message = known ?? encode();
    // Set again, so that it comes last.
    this.#messages.delete(key);
    if (!known) this.#bytes += sizeOf(key, message);
    this.#messages.set(key, message);
    for (const [oldest, forgotten] of this.#messages) {
      if (this.#bytes <= SERVER_LIMITS.encodedCacheBytes) break;
      this.#messages.delete(oldest);
      this.#bytes -= sizeOf(oldest, forgotten);
    }
    return message;
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
function sizeOf(key: string, { text }: EncodedMessage): number {
  return bytesOf(key) + bytesOf(text);
}
