/**
 * What a client that acknowledges has been sent and has not acknowledged. Buffers between here and the client hide how
 * far it has come; its acks do not. A client that never acks is taken to have everything.
 *
 * Two marks, not a list: the count is right to within what was sent between two acks.
 */
export class AckMeter {
  #acks = false;
  /** The first message sent since the last ack that mattered, and the bytes from it on. */
  #mark: number | undefined;
  #sinceMark = 0;
  #last = 0;

  /** Bytes that are known not to be acknowledged. */
  get unacknowledged(): number {
    return this.#acks ? this.#sinceMark : 0;
  }

  /** Notes that the client was told `seq`, in so many bytes. */
  sent(seq: number, bytes: number): void {
    this.#last = seq;
    this.#mark ??= seq;
    this.#sinceMark += bytes;
  }

  /** Notes that the client has what tells of `seq`. */
  acknowledged(seq: number): void {
    this.#acks = true;
    if (this.#mark === undefined || seq < this.#mark) return;
    // What came after the mark is halfway acknowledged: it is counted from here on anew.
    this.#mark = seq >= this.#last ? undefined : this.#last;
    this.#sinceMark = 0;
  }
}
