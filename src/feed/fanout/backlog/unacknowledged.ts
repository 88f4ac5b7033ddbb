import { SERVER_LIMITS } from "../../../protocol/limits.ts";

/** Characters that a client which counts what it has taken may be behind: it does not send an ack for every message. */
const SLACK = 64 * 1024;

/**
 * What a client that sends acks was sent and has not acknowledged. Buffers between here and the client hide how far it
 * has come; its acks do not. A client that never sends an ack counts as having everything.
 *
 * It keeps two marks instead of a list, so the count may be wrong by what was sent between two acks. For a client that
 * says how much it has taken the count is exact.
 */
export class Unacknowledged {
  #hasAcked = false;
  /** The seq of the first message sent since the last ack that counted, and the characters sent from it on. */
  #mark: number | undefined;
  #sinceMark = 0;
  /** The seq sent last. */
  #last: number | undefined;
  /** All characters sent. */
  #sent = 0;
  /** Characters taken, as the client says, of those in `#sent`. */
  #taken: number | undefined;
  /** Characters that the client had counted before this object was in memory. */
  #takenBefore = 0;

  /** Characters that are known not to be acknowledged. */
  get length(): number {
    if (this.#taken !== undefined) return Math.max(0, this.#sent - this.#taken);
    return this.#hasAcked ? this.#sinceMark : 0;
  }

  /** The same if it says that the client does not keep up, else 0: a few missing acks say little. */
  get backlog(): number {
    const { length } = this;
    return length > (this.#taken === undefined ? SERVER_LIMITS.unackedHigh : SLACK) ? length : 0;
  }

  /** Notes that the client was sent so many characters. `seq`: its position after them, if it then has one. */
  sent(seq: number | undefined, length: number): void {
    this.#sent += length;
    // A part of a snapshot cannot be acknowledged by a seq before the last part has come.
    if (seq === undefined) return;
    if (this.#last !== undefined && seq < this.#last) {
      // The feed was reset: what was acknowledged before says nothing.
      this.#mark = undefined;
      this.#sinceMark = 0;
    }
    this.#last = seq;
    this.#mark ??= seq;
    this.#sinceMark += length;
  }

  /** Notes an ack. `length`: how many characters the client has taken in all, if it says so. */
  acknowledged(seq: number, length?: number): void {
    this.#hasAcked = true;
    if (length !== undefined) {
      if (length - this.#takenBefore > this.#sent) this.#takenBefore = length - this.#sent;
      this.#taken = length - this.#takenBefore;
    }
    // A seq that was not sent in this epoch is of the epoch before.
    if (this.#mark === undefined || this.#last === undefined || seq < this.#mark || seq > this.#last) return;
    // An unknown part of what came after the mark is acknowledged: counting begins again here.
    this.#mark = seq >= this.#last ? undefined : this.#last;
    this.#sinceMark = 0;
  }
}
