import type { Subscriber } from "../subscriber.ts";

/** Subscribers looked at in one go: a tenth of a millisecond or two. */
const LOOKS = 2_000;
/** Milliseconds between two rounds over all subscribers while they are crowded. */
const ROUND_EVERY = 20;
/** In a crowd, a subscriber is dropped that takes nothing for so many milliseconds, or hardly any of what is beyond its share. */
const STUCK_TIME = 1_000;
/** The fraction that counts as hardly any: such a subscriber would need more than ten seconds for all. */
const HARDLY_ANY = 1 / 10;
/** The fraction of all room that is kept for subscribers that keep up. */
const RESERVE = 1 / 4;
/** The fraction of all room that may seem to be taken before subscribers are looked at again. */
const SEEMS_MUCH = 3 / 8;
/** Bytes, the smallest share, however many subscribers there are: a few updates. */
const LEAST_SHARE = 2 * 1024;

/** A subscriber with more than its share in a crowd. */
interface Watched {
  /** Its backlog when it was first seen, and when that was. */
  readonly backlog: number;
  readonly since: number;
  /** Bytes that it has taken since. */
  taken: number;
}

/**
 * The backlogs of all subscribers together, which are in the memory of the object. They are counted as each was when it
 * was last looked at, so that no subscriber is looked at without need. That is mostly just after it was sent something, all of
 * which counts then: it goes out only once the thread is free.
 *
 * When they come near the limit, subscribers are crowded. The rest of the room is then shared out evenly: a subscriber
 * that keeps up goes on, one with more than its share waits. So those that take nothing cannot stop the others.
 */
export class Backlogs {
  readonly #limit: number;
  readonly #countSubscribers: () => number;
  /** Subscribers that had a backlog when they were last looked at. */
  readonly #behind = new Set<Subscriber>();
  #total = 0;
  /** Subscribers that are still to be looked at again, and when some of them were last. */
  #again: Iterator<Subscriber> | undefined;
  #againAt = -Infinity;
  /** Subscribers that the present round has not looked at. */
  #round: Iterator<Subscriber> | undefined;
  #nextRound = 0;
  /** The length of the longest message that found no room since the last round. */
  #refused = 0;
  #crowdedAt = 0;
  readonly #watched = new Map<Subscriber, Watched>();

  /** `limit`: bytes of all backlogs together. */
  constructor(limit: number, countSubscribers: () => number) {
    this.#limit = limit;
    this.#countSubscribers = countSubscribers;
  }

  /** Whether there is room to send a subscriber so much more, as it was last looked at. */
  hasRoom({ backlog }: Subscriber, length: number): boolean {
    const total = this.#total + length;
    // While there is no backlog at all, a message of any length goes out.
    if (total <= this.#limit * (1 - RESERVE) || this.#total === 0) return true;
    if (backlog + length <= this.#share && total <= this.#limit) return true;
    this.#refused = Math.max(this.#refused, length);
    return false;
  }

  /** Looks at a subscriber and returns its backlog in bytes. */
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

  /**
   * To be called before anything is sent. If the backlogs seem to be long, looks at some of them again. While subscribers are
   * crowded, looks at all of them in rounds, and after each drops those that are stuck.
   */
  review(now: number, drop: (subscriber: Subscriber) => void): void {
    if (this.#total > this.#limit * SEEMS_MUCH) this.#lookAgain(now);
    // A crowd has room now and then: watched subscribers are forgotten only when it has been over for some time.
    if (now >= this.#crowdedAt + STUCK_TIME) this.#watched.clear();
    if (!this.#isCrowded) return;
    this.#crowdedAt = now;
    if (now < this.#nextRound) return;
    this.#round ??= this.#behind.values();
    for (let looks = 0; looks < LOOKS; looks++) {
      const { done, value } = this.#round.next();
      if (done) {
        this.#round = undefined;
        this.#nextRound = now + ROUND_EVERY;
        this.#dropStuck(now, drop);
        this.#refused = 0;
        return;
      }
      this.look(value, now);
    }
  }

  /** When to review; Infinity if there is no need. */
  due(now: number): number {
    return this.#isCrowded ? Math.max(now, this.#nextRound) : Infinity;
  }

  /** Those that keep up have taken by now what they were sent. */
  #lookAgain(now: number): void {
    if (now === this.#againAt) return;
    this.#againAt = now;
    this.#again ??= this.#behind.values();
    for (let looks = 0; looks < LOOKS; looks++) {
      const { done, value } = this.#again.next();
      if (done) {
        this.#again = undefined;
        return;
      }
      this.look(value, now);
    }
  }

  #dropStuck(now: number, drop: (subscriber: Subscriber) => void): void {
    if (!this.#isCrowded) return;
    const stuck = [...this.#behind].filter((subscriber) => this.#isStuck(subscriber, now));
    for (const subscriber of stuck.toSorted((a, b) => b.backlog - a.backlog)) {
      if (!this.#isCrowded) return;
      drop(subscriber);
    }
  }

  #isStuck(subscriber: Subscriber, now: number): boolean {
    const { backlog, movedAt } = subscriber;
    if (now - movedAt >= STUCK_TIME) return true;
    if (backlog <= this.#share) {
      this.#watched.delete(subscriber);
      return false;
    }
    const watched = this.#watched.get(subscriber);
    if (watched && now - watched.since < STUCK_TIME) return false;
    if (watched && watched.taken < watched.backlog * HARDLY_ANY) return true;
    this.#watched.set(subscriber, { backlog, since: now, taken: 0 });
    return false;
  }

  /** Whether a message found no room, or only subscribers within their share have room. */
  get #isCrowded(): boolean {
    return this.#total > 0 && this.#total + this.#refused > this.#limit * (1 - RESERVE);
  }

  get #share(): number {
    return Math.max(LEAST_SHARE, (this.#limit * RESERVE) / Math.max(1, this.#countSubscribers()));
  }

  #set(subscriber: Subscriber, backlog: number): void {
    this.#total += backlog - subscriber.backlog;
    subscriber.backlog = backlog;
    if (backlog > 0) this.#behind.add(subscriber);
    else this.#behind.delete(subscriber);
  }
}
