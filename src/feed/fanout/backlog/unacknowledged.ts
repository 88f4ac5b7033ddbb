import { LIMITS } from "../../../protocol/limits.ts";

/** Characters that a client which says what it has taken may be behind, as it does not say so for every message. */
const SLACK = 64 * 1024;

/**
 * What a client that acknowledges has been sent and has not acknowledged. Buffers between here and the client hide how
 * far it has come; its acks do not. A client that never acks is taken to have everything.
 *
 * Two marks, not a list: the count is right to within what was sent between two acks. A client that says how much it
 * has taken is known exactly.
 */
export class Unacknowledged {
  #acks = false;
  /** The first message sent since the last ack that mattered, and the characters from it on. */
  #mark: number | undefined;
  #sinceMark = 0;
  /** What was told last; nothing before anything was. */
  #last: number | undefined;
  /** Characters sent; and of those that were sent before the client began to say what it has taken. */
  #sent = 0;
  #taken: number | undefined;
  /** What the client had counted before this began to. */
  #before = 0;

  /** Characters that are known not to be acknowledged. */
  get unacknowledged(): number {
    if (this.#taken !== undefined) return Math.max(0, this.#sent - this.#taken);
    return this.#acks ? this.#sinceMark : 0;
  }

  /** The same where it says that the client does not keep up: few acks tell little. */
  get backlog(): number {
    const { unacknowledged } = this;
    return unacknowledged > (this.#taken === undefined ? LIMITS.unackedHigh : SLACK) ? unacknowledged : 0;
  }

  /** Notes that the client was sent so many characters. They tell it of `seq`, or are to be followed by what does. */
  sent(seq: number | undefined, length: number): void {
    this.#sent += length;
    // A part of a snapshot cannot be acknowledged by a seq before the last one has come.
    if (seq === undefined) return;
    // The feed has begun anew: what was acknowledged before says nothing.
    if (this.#last !== undefined && seq < this.#last) this.#begin();
    this.#last = seq;
    this.#mark ??= seq;
    this.#sinceMark += length;
  }

  /** Notes that the client has what tells of `seq`, and has taken so many characters in all where it says so. */
  acknowledged(seq: number, length?: number): void {
    this.#acks = true;
    if (length !== undefined) {
      // It counts from before this object came into memory.
      if (length - this.#before > this.#sent) this.#before = length - this.#sent;
      this.#taken = length - this.#before;
    }
    // What was not told in this epoch is of the one before.
    if (this.#mark === undefined || this.#last === undefined || seq < this.#mark || seq > this.#last) return;
    // What came after the mark is halfway acknowledged: it is counted from here on anew.
    this.#mark = seq >= this.#last ? undefined : this.#last;
    this.#sinceMark = 0;
  }

  #begin(): void {
    this.#mark = undefined;
    this.#sinceMark = 0;
  }
}
