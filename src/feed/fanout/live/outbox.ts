import { LIMITS } from "../../../protocol/limits.ts";
import type { Group } from "./subscriber-index.ts";
import type { Subscriber } from "../subscriber.ts";

/** Messages that bring one subscriber from one seq to another. */
interface Parcel {
  readonly subscriber: Subscriber;
  readonly group: Group<Subscriber>;
  readonly from: number;
  readonly seq: number;
  readonly messages: readonly string[];
}

/**
 * A pass over many subscribers, sent in slices so that the feed can take publishes in between. Encoded beforehand:
 * what happens to the feed between two slices changes nothing of it.
 */
export class Outbox {
  #parcels: Parcel[] = [];
  #sent = 0;

  get isEmpty(): boolean {
    return this.#sent === this.#parcels.length;
  }

  add(parcel: Parcel): void {
    this.#parcels.push(parcel);
  }

  /** Sends one slice, of `size` messages or a bounded length. `deliver` sends, or finds that the subscriber cannot take it now. */
  sendSlice(size: number, deliver: (parcel: Parcel) => void): void {
    let length = 0;
    for (let sent = 0; sent < size && length < LIMITS.sliceLength;) {
      const parcel = this.#parcels[this.#sent];
      if (!parcel) {
        this.clear();
        return;
      }
      this.#sent++;
      const { subscriber, group, from } = parcel;
      // It may have left since, or been brought up to date in another way.
      if (subscriber.seq !== from || !group.members.has(subscriber)) continue;
      deliver(parcel);
      for (const message of parcel.messages) length += message.length;
      sent++;
    }
    if (this.isEmpty) this.clear();
  }

  clear(): void {
    this.#parcels = [];
    this.#sent = 0;
  }
}
