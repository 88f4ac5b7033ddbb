import { ownText } from "../../protocol/json-scan.ts";
import type { Receipt } from "../../protocol/server-messages.ts";

/** Numbers of a session that are remembered: four times as many as a publisher has under way. */
export const REMEMBERED_NUMBERS = 64;
/** Bytes of memory: what a session takes besides its numbers and whose it is, and what each number takes (both measured). */
const SESSION_BYTES = 680;
const NUMBER_BYTES = 24;
/** More than a batch has updates. */
const COUNTS = 2 ** 20;
/** Figures of each number: content, seq, and both counts of the receipt. */
const FIGURES = 3;

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
  // From which number on, oldest first.
  epochs: [from: number, epoch: string][],
  // The figures of each number, oldest first.
  figures: number[],
];

/** A publisher's session: the last number that was accepted, and the receipts of the last ones. */
export class PublisherSession {
  readonly owner: SessionOwner;
  /** When a number was last accepted, in milliseconds since 1970. */
  usedAt = 0;
  last = 0;
  /** Whether a number was accepted since it was restored, so that no other version can have accepted the next one. */
  isLive = false;
  /** How many numbers up to the last are remembered. */
  #count = 0;
  #slots = 1;
  /** Number `n` has slot `n % slots`. */
  #figures = [0, 0, 0];
  #epochs: [from: number, epoch: string][] = [];

  constructor({ principal, credential, id }: SessionOwner) {
    // The id is a part of a longer text.
    this.owner = { principal, credential, id: ownText(id, true) };
  }

  get bytes(): number {
    const { principal, credential } = this.owner;
    // The principal is in the key of the session, too. Two bytes a character.
    return SESSION_BYTES + 4 * principal.length + 2 * credential.length + NUMBER_BYTES * this.#slots;
  }

  /** Bytes that one more number takes. */
  get growth(): number {
    return this.#isFull ? NUMBER_BYTES * (this.#nextSlots - this.#slots) : 0;
  }

  /** Takes a number that follows on the last one. After a gap, the numbers before are no longer remembered. */
  add(number: number, { content, receipt: { epoch, seq, accepted, stale } }: RememberedNumber, at: number): void {
    this.#add(number, epoch, content, seq, accepted * COUNTS + stale);
    this.usedAt = Math.max(this.usedAt, at);
  }

  /** Undefined if it is not remembered. */
  recall(number: number): RememberedNumber | undefined {
    if (number > this.last || number < this.#first) return undefined;
    const [content = 0, seq = 0, counts = 0] = this.#figuresOf(number);
    const [, epoch = ""] = this.#epochs.findLast(([from]) => from <= number) ?? [];
    return { content, receipt: { epoch, seq, accepted: Math.floor(counts / COUNTS), stale: counts % COUNTS } };
  }

  encode(): string {
    const { principal, credential, id } = this.owner;
    const figures: number[] = [];
    for (let number = this.#first; number <= this.last; number++) figures.push(...this.#figuresOf(number));
    const line: SessionLine = [principal, credential, id, this.usedAt, this.last, this.#epochs, figures];
    return JSON.stringify(line);
  }

  /** Reads what `encode` wrote. */
  static decode(text: string): PublisherSession {
    const [principal, credential, id, usedAt, last, epochs, figures]: SessionLine = JSON.parse(text);
    const session = new PublisherSession({ principal, credential, id });
    const first = last + 1 - figures.length / FIGURES;
    let next = 0;
    let epoch = "";
    for (let number = first, at = 0; number <= last; number++, at += FIGURES) {
      while ((epochs[next]?.[0] ?? Infinity) <= number) epoch = epochs[next++]?.[1] ?? "";
      session.#add(number, epoch, figures[at] ?? 0, figures[at + 1] ?? 0, figures[at + 2] ?? 0);
    }
    session.usedAt = usedAt;
    return session;
  }

  #add(number: number, epoch: string, content: number, seq: number, counts: number): void {
    if (number !== this.last + 1) [this.#count, this.#epochs] = [0, []];
    if (this.#isFull) this.#grow();
    this.#put(number, content, seq, counts);
    this.last = number;
    this.#count = Math.min(this.#count + 1, REMEMBERED_NUMBERS);
    if (this.#epochs.at(-1)?.[1] === epoch) return;
    // Those that no remembered number is of go.
    const first = this.#epochs.findLastIndex(([from]) => from <= this.#first);
    this.#epochs = [...this.#epochs.slice(Math.max(0, first)), [number, epoch]];
  }

  get #first(): number {
    return this.last + 1 - this.#count;
  }

  get #isFull(): boolean {
    return this.#count >= this.#slots && this.#slots < REMEMBERED_NUMBERS;
  }

  /** Most publishers that begin publish on: a few steps from one number to all. */
  get #nextSlots(): number {
    return Math.min(4 * this.#slots, REMEMBERED_NUMBERS);
  }

  #grow(): void {
    const known = Array.from({ length: this.#count }, (_, i) => this.#figuresOf(this.#first + i));
    this.#slots = this.#nextSlots;
    this.#figures = Array.from({ length: FIGURES * this.#slots }, () => 0);
    for (const [i, [content = 0, seq = 0, counts = 0]] of known.entries())
      this.#put(this.#first + i, content, seq, counts);
  }

  #figuresOf(number: number): number[] {
    const slot = number % this.#slots;
    return this.#figures.slice(FIGURES * slot, FIGURES * (slot + 1));
  }

  #put(number: number, content: number, seq: number, counts: number): void {
    const at = FIGURES * (number % this.#slots);
    this.#figures[at] = content;
    this.#figures[at + 1] = seq;
    this.#figures[at + 2] = counts;
  }
}
