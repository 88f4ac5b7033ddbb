import { TokenBuckets } from "./token-bucket.ts";
import type { Rate } from "./quotas.ts";

/** How long work is shared out. Sizes are bytes of memory, which the work's time goes by as well. */
export interface FairQueueLimits {
  /** What one caller may have done at once, without waiting for a turn. */
  readonly atOnce: Rate;
  /** Done in one turn; a job that is longer has a turn to itself. */
  readonly turn: number;
  /** What may wait of one caller's, and of all, with what it takes to have each job wait. */
  readonly perCaller: { readonly jobs: number; readonly size: number };
  readonly size: number;
}

/** Work that did not find room: the caller has too much waiting already, or all together have. */
export type NoRoom = "rate_limited" | "overloaded";

/** Beside its size, each job counts as so much: that it takes in memory at most, and in time at least. */
const JOB = 1024;
/** Milliseconds after which turns that have not come are begun anew: what took them is gone. */
const GONE = 2_000;

interface Job {
  readonly cost: number;
  readonly act: () => void;
}

/**
 * Does work now where a caller does little, and else in turns: one after the other, with a pause in which others are
 * served, and the callers by turns. What one has waiting delays nobody else by more than a turn. What one caller gives
 * is done in its order.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #pause: () => Promise<void>;
  readonly #now: () => number;
  readonly #atOnce: TokenBuckets;
  /** The caller whose turn comes next is the first. */
  readonly #waiting = new Map<string, { jobs: Job[]; size: number }>();
  #size = 0;
  /** When the last turn was taken, or the turns were begun. */
  #turnAt = 0;
  #turns: Promise<void> | undefined;

  /** `pause` ends when all has been served that has come until then; `now` is in milliseconds and never goes back. */
  constructor(limits: FairQueueLimits, pause: () => Promise<void>, now: () => number) {
    this.#limits = limits;
    this.#pause = pause;
    this.#now = now;
    this.#atOnce = new TokenBuckets(limits.atOnce);
  }

  /** Whether the caller has work that waits: what comes after it has to wait too, to be done after it. */
  isWaiting(caller: string): boolean {
    return this.#waiting.has(caller);
  }

  /** Does the work now, or when its turn has come; or not at all, where too much is waiting. */
  run<T>(caller: string, size: number, work: () => T | Promise<T>): NoRoom | Promise<{ done: T }> {
    if (!this.isWaiting(caller) && this.#isLittle(caller, size)) return this.#done(work);
    const cost = size + JOB;
    const queue = this.#waiting.get(caller) ?? { jobs: [], size: 0 };
    const { perCaller, size: most } = this.#limits;
    if (queue.jobs.length >= perCaller.jobs || queue.size + cost > perCaller.size) return "rate_limited";
    if (this.#size + cost > most) return "overloaded";
    return new Promise((resolve, reject) => {
      const act = (): void => void this.#done(work).then(resolve, reject);
      queue.jobs.push({ cost, act });
      queue.size += cost;
      this.#size += cost;
      this.#waiting.set(caller, queue);
      if (!this.#turns || this.#now() > this.#turnAt + GONE) this.#turns = this.#takeTurns();
    });
  }

  /** Ends when nothing waits any more; nothing where nothing does. For whoever has to keep it going. */
  get turns(): Promise<void> | undefined {
    return this.#turns;
  }

  async #done<T>(work: () => T | Promise<T>): Promise<{ done: T }> {
    return { done: await work() };
  }

  #isLittle(caller: string, size: number): boolean {
    return size <= this.#limits.turn && this.#atOnce.take(caller, this.#now(), size + JOB) === 0;
  }

  async #takeTurns(): Promise<void> {
    this.#turnAt = this.#now();
    while (this.#waiting.size > 0) {
      await this.#pause();
      this.#turnAt = this.#now();
      for (let left = this.#limits.turn; left > 0;) {
        const job = this.#next();
        if (!job) break;
        left -= job.cost;
        job.act();
      }
    }
    this.#turns = undefined;
  }

  #next(): Job | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [caller, queue] = first;
    const job = queue.jobs.shift();
    this.#waiting.delete(caller);
    if (!job) return undefined;
    queue.size -= job.cost;
    this.#size -= job.cost;
    // Behind the others.
    if (queue.jobs.length > 0) this.#waiting.set(caller, queue);
    return job;
  }
}
