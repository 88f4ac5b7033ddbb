import type { Subscriber } from "./subscriber.ts";

/** Connections looked at in one go: a tenth of a millisecond or two. */
const LOOKS = 2_000;
/** Milliseconds between two looks at all while nothing more may be sent. */
const LOOK_EVERY = 20;
/** Milliseconds: whoever has taken nothing for so long is dropped while nothing more may be sent. */
const STUCK = 1_000;

/**
 * What all connections together have not taken: it stands in the memory of the object, whoever is to blame. Counted from
 * what each had left when it was last looked at, so that nobody is looked at without need.
 */
export class Backlogs {
  readonly #most: number;
  /** Those that had something left. */
  readonly #owing = new Set<Subscriber>();
  #total = 0;
  /** Those still to be looked at in this round. */
  #round: Iterator<Subscriber> | undefined;
  #nextRound = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether nobody may be sent anything more. */
  get isFull(): boolean {
    return this.#total > this.#most;
  }

  /** Looks at one: bytes that it has not taken. */
  look(subscriber: Subscriber, now: number): number {
    const backlog = subscriber.sink.backlog();
    if (subscriber.gone) return backlog;
    if (backlog < subscriber.backlog || subscriber.backlog === 0) subscriber.movedAt = now;
    this.#set(subscriber, backlog);
    return backlog;
  }

  forget(subscriber: Subscriber): void {
    this.#set(subscriber, 0);
  }

  /** Looks at some of all while nothing more may be sent. Once all are known, those are dropped who take nothing. */
  review(now: number, drop: (subscriber: Subscriber) => void): void {
    if (!this.isFull || now < this.#nextRound) return;
    this.#round ??= this.#owing.values();
    for (let looks = 0; looks < LOOKS; looks++) {
      const { done, value } = this.#round.next();
      if (done) {
        this.#round = undefined;
        this.#nextRound = now + LOOK_EVERY;
        this.#dropStuck(now, drop);
        return;
      }
      this.look(value, now);
    }
  }

  /** When to review; nothing where there is no need. */
  due(now: number): number | undefined {
    return this.isFull ? Math.max(now, this.#nextRound) : undefined;
  }

  #dropStuck(now: number, drop: (subscriber: Subscriber) => void): void {
    if (!this.isFull) return;
    const stuck = [...this.#owing].filter(({ movedAt }) => now - movedAt >= STUCK);
    for (const subscriber of stuck.toSorted((a, b) => b.backlog - a.backlog)) {
      if (!this.isFull) return;
      drop(subscriber);
    }
  }

  #set(subscriber: Subscriber, backlog: number): void {
    this.#total += backlog - subscriber.backlog;
    subscriber.backlog = backlog;
    if (backlog > 0) this.#owing.add(subscriber);
    else this.#owing.delete(subscriber);
  }
}
