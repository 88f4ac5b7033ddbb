import { Contention } from "./contention.ts";
import type { NoRoom } from "./fair-queue.ts";
import type { Rate } from "./quotas.ts";
import { TokenBuckets } from "./token-bucket.ts";

/** How long work is shared out. Sizes are bytes. */
export interface FairLineLimits {
  /** What one caller may have done without waiting in line. */
  readonly atOnce: Rate;
  /** Begun in one millisecond; longer work always waits in line. */
  readonly turn: number;
  /** Milliseconds that a byte takes while more than one caller is there: half of them are for everybody else. */
  readonly pace: number;
  /** Of one caller's, what may be worked on at a time. One piece of work is, however long. */
  readonly inHand: number;
  /** What may wait of one caller's, and of all; a quarter of it is kept for keys. */
  readonly perCaller: number;
  readonly size: number;
  /** Milliseconds of rest for each unit of work that is said to have been done, while more than one caller is there. */
  readonly rest: number;
}

/** Of what may wait, what all may take that have no static key. */
const WITHOUT_KEY = 3 / 4;

/** A place in the line. */
export interface Place {
  readonly caller: string;
  readonly size: number;
  /** When it asks again, or has to be done with its work. */
  due: number;
}

interface Waiting {
  readonly places: Place[];
  size: number;
  inHand: number;
}

/** As so much counts what is shorter: it takes a place all the same. */
const SHORTEST = 32 * 1024;
/** Milliseconds after which those who wait ask again, by their place among their caller's own. */
const ASK_AGAIN = 3;
const LONGEST_WAIT = 250;
/** Milliseconds between two looks for those who are gone. */
const LOOK_EVERY = 100;
/** Milliseconds that others wait for one whose turn it is and who does not ask, and after which it is taken to be gone. */
const LATE = 200;
const GONE = 2_000;
/** Milliseconds that work may take before it is taken to be gone: its request was ended from outside. */
const LONGEST_WORK = 30_000;

/**
 * Long work in a line where each who waits asks for itself whether its turn has come, by its own timer: requests to a
 * Worker cannot wake one another. Callers take turns, and each one's work begins in its order.
 */
export class FairLine {
  readonly #limits: FairLineLimits;
  readonly #now: () => number;
  readonly #atOnce: TokenBuckets;
  /** The caller whose turn comes next is the first. */
  readonly #callers = new Map<string, Waiting>();
  readonly #working = new Set<Place>();
  readonly #contention = new Contention();
  #size = 0;
  #lookAt = -Infinity;
  /** Before it, nothing begins. */
  #freeAt = -Infinity;
  /** What may still begin in this millisecond. */
  #left = 0;
  #leftAt = -Infinity;

  /** `now` is in milliseconds and never goes back. */
  constructor(limits: FairLineLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#atOnce = new TokenBuckets(limits.atOnce);
  }

  /** A place in the line; nothing for what is so little that it can be done now. */
  enter(caller: string, size: number, isKey = true): Place | NoRoom | undefined {
    const now = this.#now();
    this.#contention.note(caller, now);
    const before = this.#callers.get(caller);
    if ((before?.places.length ?? 0) === 0 && size <= this.#limits.turn && this.#atOnce.take(caller, now, size) === 0) {
      return undefined;
    }
    this.#forget(now);
    const waiting = before ?? { places: [], size: 0, inHand: 0 };
    const place = { caller, size: Math.max(size, SHORTEST), due: now };
    if (waiting.size + place.size > this.#limits.perCaller) return "rate_limited";
    if (this.#size + place.size > this.#limits.size * (isKey ? 1 : WITHOUT_KEY)) return "overloaded";
    waiting.places.push(place);
    waiting.size += place.size;
    this.#size += place.size;
    this.#callers.set(caller, waiting);
    return place;
  }

  /** After how many milliseconds the one at `place` is to ask again; 0 where it is to begin. */
  wait(place: Place): number {
    const now = this.#now();
    const wait = this.#waitAt(place, now);
    if (wait === 0) this.#begin(place, now);
    else place.due = now + wait;
    return wait;
  }

  /** Notes that so much work was done in one go, and tells how many milliseconds are for everybody else before the next. */
  rest(work: number): number {
    const now = this.#now();
    if (!this.#contention.isThere(now)) return 0;
    this.#freeAt = Math.max(this.#freeAt, now) + work * this.#limits.rest;
    return this.#freeAt - now;
  }

  /** To be called by whoever has begun, once it is done. */
  leave(place: Place): void {
    if (!this.#working.delete(place)) return;
    const waiting = this.#callers.get(place.caller);
    if (!waiting) return;
    waiting.inHand -= place.size;
    this.#tidy(place.caller, waiting);
  }

  #waitAt(place: Place, now: number): number {
    this.#forget(now);
    const ahead = this.#callers.get(place.caller)?.places.indexOf(place) ?? -1;
    // It was taken to be gone, and comes all the same: whatever has passed it, it may begin.
    if (ahead === -1) return 0;
    if (ahead > 0) return Math.min(ahead * ASK_AGAIN, LONGEST_WAIT);
    if (now < this.#freeAt) return this.#freeAt - now;
    if (now === this.#leftAt && this.#left <= 0) return 1;
    const own = this.#callers.get(place.caller);
    if (!own || !this.#hasHandsFree(own)) return ASK_AGAIN;
    for (const [caller, waiting] of this.#callers) {
      if (caller !== place.caller && !this.#mayBegin(waiting, now)) continue;
      return caller === place.caller ? 0 : 1;
    }
    return 0;
  }

  /** Whether it is this caller's turn before that of those behind it. */
  #mayBegin(waiting: Waiting, now: number): boolean {
    const [first] = waiting.places;
    return first !== undefined && now <= first.due + LATE && this.#hasHandsFree(waiting);
  }

  #hasHandsFree({ places: [first], inHand }: Waiting): boolean {
    return inHand === 0 || inHand + (first?.size ?? 0) <= this.#limits.inHand;
  }

  #begin(place: Place, now: number): void {
    const { turn, pace } = this.#limits;
    if (now !== this.#leftAt) {
      this.#leftAt = now;
      this.#left = turn;
    }
    this.#left -= place.size;
    if (this.#contention.isThere(now)) this.#freeAt = now + place.size * pace;
    place.due = now + LONGEST_WORK;
    this.#working.add(place);
    const waiting = this.#callers.get(place.caller) ?? { places: [], size: 0, inHand: 0 };
    this.#remove(place, waiting);
    waiting.inHand += place.size;
    // Behind the others.
    this.#callers.delete(place.caller);
    this.#callers.set(place.caller, waiting);
  }

  #remove(place: Place, waiting: Waiting): void {
    const at = waiting.places.indexOf(place);
    if (at === -1) return;
    waiting.places.splice(at, 1);
    waiting.size -= place.size;
    this.#size -= place.size;
  }

  #tidy(caller: string, { places, inHand }: Waiting): void {
    if (places.length === 0 && inHand === 0) this.#callers.delete(caller);
  }

  /** Forgets those whose requests have ended without a word. */
  #forget(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_EVERY;
    for (const place of this.#working) if (place.due < now) this.leave(place);
    for (const [caller, waiting] of this.#callers) {
      for (const place of waiting.places.filter(({ due }) => due + GONE < now)) this.#remove(place, waiting);
      this.#tidy(caller, waiting);
    }
  }
}
