import type { Receipt } from "../../protocol/server-messages.ts";

/** Numbers of a session that are remembered: four times as many as a publisher has under way. */
export const REMEMBERED_NUMBERS = 64;
/** Bytes of memory: what a session takes besides its numbers, with the texts that are its own, and each number. */
const SESSION_BYTES = 480;
const NUMBER_BYTES = 40;
/** More than a batch has updates. */
const COUNTS = 2 ** 20;

/** What is remembered of one number. */
export interface RememberedNumber {
  /** Hash of the updates. */
  readonly content: number;
  readonly receipt: Receipt;
}

/** Whose a session is: a principal's, and the credential that it began with, on which it is counted. */
export interface SessionOwner {
  readonly principal: string;
  readonly credential: string;
  readonly id: string;
}

/** As `encode` writes it. */
type SessionLine = [
  principal: string,
  credential: string,
  id: string,
  usedAt: number,
  last: number,
  epochs: string[],
  // For each number, oldest first: content, epoch by its index, seq, accepted, stale.
  numbers: number[],
];

/** A publisher's session: the last number that was accepted, and the receipts of the last ones. */
export class PublisherSession {
  readonly owner: SessionOwner;
  /** When a number was last accepted, in milliseconds since 1970. */
  usedAt = 0;
  last = 0;
  /** How many numbers up to the last are remembered. */
  #count = 0;
  #slots = 1;
  /** Three for each slot: content, seq, and both counts of the receipt. Number `n` has slot `n % slots`. */
  #figures = new Float64Array(3);
  #epochs: string[] = [];

  constructor(owner: SessionOwner) {
    this.owner = owner;
  }

  get bytes(): number {
    return SESSION_BYTES + NUMBER_BYTES * this.#slots;
  }

  /** Bytes that one more number takes. */
  get growth(): number {
    return this.#isFull ? NUMBER_BYTES * (this.#nextSlots - this.#slots) : 0;
  }

  /** Takes a number that follows on the last one. After a gap, the numbers before are no longer remembered. */
  add(number: number, { content, receipt }: RememberedNumber, at: number): void {
    if (number !== this.last + 1) this.#count = 0;
    if (this.#isFull) this.#grow();
    this.#put(number, content, receipt);
    this.last = number;
    this.#count = Math.min(this.#count + 1, REMEMBERED_NUMBERS);
    this.usedAt = Math.max(this.usedAt, at);
  }

  /** Undefined if it is not remembered. */
  recall(number: number): RememberedNumber | undefined {
    if (number > this.last || number <= this.last - this.#count) return undefined;
    const slot = number % this.#slots;
    const [content = 0, seq = 0, counts = 0] = this.#figures.subarray(3 * slot, 3 * slot + 3);
    const accepted = Math.floor(counts / COUNTS);
    return { content, receipt: { epoch: this.#epochs[slot] ?? "", seq, accepted, stale: counts % COUNTS } };
  }

  encode(): string {
    const epochs: string[] = [];
    const numbers: number[] = [];
    for (let number = this.last - this.#count + 1; number <= this.last; number++) {
      const known = this.recall(number);
      if (!known) continue;
      const { epoch, seq, accepted, stale } = known.receipt;
      if (epochs.at(-1) !== epoch) epochs.push(epoch);
      numbers.push(known.content, epochs.length - 1, seq, accepted, stale);
    }
    const { principal, credential, id } = this.owner;
    const line: SessionLine = [principal, credential, id, this.usedAt, this.last, epochs, numbers];
    return JSON.stringify(line);
  }

  /** Reads what `encode` wrote. */
  static decode(text: string): PublisherSession {
    const [principal, credential, id, usedAt, last, epochs, numbers]: SessionLine = JSON.parse(text);
    const session = new PublisherSession({ principal, credential, id });
    for (let i = 0, number = last - numbers.length / 5 + 1; number <= last; i += 5, number++) {
      const [content = 0, index = 0, seq = 0, accepted = 0, stale = 0] = numbers.slice(i, i + 5);
      session.add(number, { content, receipt: { epoch: epochs[index] ?? "", seq, accepted, stale } }, usedAt);
    }
    return session;
  }

  get #isFull(): boolean {
    return this.#count >= this.#slots && this.#slots < REMEMBERED_NUMBERS;
  }

  /** Most publishers that begin publish on: a few steps from one number to all. */
  get #nextSlots(): number {
    return Math.min(4 * this.#slots, REMEMBERED_NUMBERS);
  }

  #grow(): void {
    const known = Array.from({ length: this.#count }, (_, i) => this.recall(this.last - i));
    this.#slots = this.#nextSlots;
    this.#figures = new Float64Array(3 * this.#slots);
    this.#epochs = Array.from({ length: this.#slots }, () => "");
    for (const [i, one] of known.entries()) if (one) this.#put(this.last - i, one.content, one.receipt);
  }

  #put(number: number, content: number, { epoch, seq, accepted, stale }: Receipt): void {
    const slot = number % this.#slots;
    this.#figures.set([content, seq, accepted * COUNTS + stale], 3 * slot);
    this.#epochs[slot] = epoch;
  }
}
