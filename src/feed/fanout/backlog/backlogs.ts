import type { Subscriber } from "../subscriber.ts";

/** Connections looked at in one go: a tenth of a millisecond or two. */
const LOOKS = 2_000;
/** Milliseconds between two looks at all while they are crowded. */
const LOOK_EVERY = 20;
/** Milliseconds: whoever has taken nothing, or hardly any of what is beyond its share, for so long is dropped in a crowd. */
const STUCK = 1_000;
/** What is hardly any: such a one would need ten seconds and more. */
const HARDLY = 1 / 10;
/** The part of all room that is kept for those who keep up. */
const RESERVE = 1 / 4;
/** Bytes that are everybody's share, however many there are: a few updates. */
const LEAST_SHARE = 2 * 1024;

/**
 * What all connections together have not taken: it stands in the memory of the object, whoever is to blame. Counted from
 * what each had left when it was last looked at, so that nobody is looked at without need.
 *
 * Where it comes near to all that there may be, they are crowded. The rest is then shared out evenly: who keeps up goes
 * on, and who has more left than its share waits. So those who take nothing cannot stop the others.
 */
export class Backlogs {
  readonly #most: number;
  readonly #count: () => number;
  /** Those that had something left. */
  readonly #owing = new Set<Subscriber>();
  #total = 0;
  /** Those still to be looked at in this round. */
  #round: Iterator<Subscriber> | undefined;
  #nextRound = 0;
  /** The longest message that there was no room for since the last round. */
  #refused = 0;
  #crowdedAt = 0;
  /** Those with more than their share in a crowd: what they had left at some time, and have taken since. */
  readonly #watched = new Map<Subscriber, { readonly backlog: number; readonly at: number; taken: number }>();

  /** `count`: how many connections there are. */
  constructor(most: number, count: () => number) {
    this.#most = most;
    this.#count = count;
  }

  /** Whether one may be sent so much more, as it was last looked at. */
  mayTake({ backlog }: Subscriber, length: number): boolean {
    const total = this.#total + length;
    // A message of any length goes out where nobody has anything left.
    if (total <= this.#most * (1 - RESERVE) || this.#total === 0) return true;
    if (backlog + length <= this.#share && total <= this.#most) return true;
    this.#refused = Math.max(this.#refused, length);
    return false;
  }

  /** Looks at one: bytes that it has not taken. */
  look(subscriber: Subscriber, now: number): number {
    const backlog = subscriber.sink.backlog();
    if (subscriber.gone) return backlog;
    if (backlog < subscriber.backlog || subscriber.backlog === 0) subscriber.movedAt = now;
    const watched = this.#watched.get(subscriber);
    if (watched) watched.taken += Math.max(0, subscriber.backlog - backlog);
    this.#set(subscriber, backlog);
    return backlog;
  }

  forget(subscriber: Subscriber): void {
    this.#set(subscriber, 0);
    this.#watched.delete(subscriber);
  }

  /** Looks at some of all while they are crowded. Once all are known, those are dropped who take nothing, or hardly any. */
  review(now: number, drop: (subscriber: Subscriber) => void): void {
    // There is room now and then in a crowd, too.
    if (now >= this.#crowdedAt + STUCK) this.#watched.clear();
    if (!this.#isCrowded) return;
    this.#crowdedAt = now;
    if (now < this.#nextRound) return;
    this.#round ??= this.#owing.values();
    for (let looks = 0; looks < LOOKS; looks++) {
      const { done, value } = this.#round.next();
      if (done) {
        this.#round = undefined;
        this.#nextRound = now + LOOK_EVERY;
        this.#dropStuck(now, drop);
        this.#refused = 0;
        return;
      }
      this.look(value, now);
    }
  }

  /** When to review; nothing where there is no need. */
  due(now: number): number | undefined {
    return this.#isCrowded ? Math.max(now, this.#nextRound) : undefined;
  }

  #dropStuck(now: number, drop: (subscriber: Subscriber) => void): void {
    if (!this.#isCrowded) return;
    const stuck = [...this.#owing].filter((subscriber) => this.#isStuck(subscriber, now));
    for (const subscriber of stuck.toSorted((a, b) => b.backlog - a.backlog)) {
      if (!this.#isCrowded) return;
      drop(subscriber);
    }
  }

  #isStuck(subscriber: Subscriber, now: number): boolean {
    const { backlog, movedAt } = subscriber;
    if (now - movedAt >= STUCK) return true;
    if (backlog <= this.#share) {
      this.#watched.delete(subscriber);
      return false;
    }
    const before = this.#watched.get(subscriber);
    if (before && now - before.at < STUCK) return false;
    if (before && before.taken < before.backlog * HARDLY) return true;
    this.#watched.set(subscriber, { backlog, at: now, taken: 0 });
    return false;
  }

  /** Whether there is no room for what was to be sent, or only for those within their share. */
  get #isCrowded(): boolean {
    return this.#total > 0 && this.#total + this.#refused > this.#most * (1 - RESERVE);
  }

  get #share(): number {
    return Math.max(LEAST_SHARE, (this.#most * RESERVE) / Math.max(1, this.#count()));
  }

  #set(subscriber: Subscriber, backlog: number): void {
    this.#total += backlog - subscriber.backlog;
    subscriber.backlog = backlog;
    if (backlog > 0) this.#owing.add(subscriber);
    else this.#owing.delete(subscriber);
  }
}
