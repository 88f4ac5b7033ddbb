import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { EncodedMessage } from "../encoded-message.ts";
import type { Group, Subscriber } from "../subscriber.ts";
import { COST } from "../work.ts";

/** A message for one subscriber that is at the seq `from`. */
interface Outgoing {
  readonly subscriber: Subscriber;
  readonly group: Group;
  readonly from: number;
  readonly message: EncodedMessage;
}

/** An encoded flush, sent in slices between which the feed accepts publishes. These change nothing in it. */
export class Outbox {
  #items: Outgoing[] = [];
  #sent = 0;

  get isEmpty(): boolean {
    return this.#sent === this.#items.length;
  }

  add(item: Outgoing): void {
    this.#items.push(item);
  }

  /**
   * Sends one slice: `size` items, or fewer if they are long. `send` may find that a subscriber cannot take its item. Returns the
   * work that it was.
   */
  sendSlice(size: number, send: (item: Outgoing) => void): number {
    let length = 0;
    let sent = 0;
    while (sent < size && length < SERVER_LIMITS.sliceLength) {
      const item = this.#items[this.#sent];
      if (!item) break;
      this.#sent++;
      const { subscriber, group, from } = item;
      // The subscriber may have left since, or may have had a catch-up.
      if (subscriber.seq !== from || !group.members.has(subscriber)) continue;
      send(item);
      length += item.message.text.length;
      sent++;
    }
    if (this.isEmpty) this.clear();
    return sent * COST.message + length * COST.copied;
  }

  clear(): void {
    this.#items = [];
    this.#sent = 0;
  }
}
