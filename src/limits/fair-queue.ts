import { finish } from "../protocol/pieces.ts";
import { Contention } from "./contention.ts";
import { TokenBuckets } from "./token-bucket.ts";
import type { Rate } from "./quotas.ts";

/** How long work is shared out. Sizes are bytes of memory, which the work's time goes by as well. */
export interface FairQueueLimits {
  /** What one caller may have done at once, without waiting for a turn. */
  readonly atOnce: Rate;
  /** Done in one turn; a job that is longer has a turn to itself. */
  readonly turn: number;
  /** Milliseconds of pause for each byte of the turn before, while more than one caller is there. */
  readonly pace: number;
  /** What may wait of one caller's, and of all, with what it takes to have each job wait. */
  readonly perCaller: { readonly jobs: number; readonly size: number };
  readonly size: number;
}

/** The memory that what waits shares with others. Has room for the longest job at least where none waits. */
export interface SharedRoom {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Work that did not find room: the caller has too much waiting already, or all together have. */
export type NoRoom = "rate_limited" | "overloaded";

/** Beside its size, each job counts as so much: that it takes in memory at most, and in time at least. */
const JOB = 1024;

interface Job {
  readonly cost: number;
  /** One step of what comes before it is done: how much that was, or nothing once it is done. */
  readonly step: () => number | undefined;
}

/**
 * Does work now where a caller does little, and else in turns: one after the other, with a pause in which others are
 * served, and the callers by turns. What one has waiting delays nobody else by more than a turn. What one caller gives
 * is done in its order.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #now: () => number;
  readonly #room: SharedRoom;
  readonly #atOnce: TokenBuckets;
  /** The caller whose turn comes next is the first. */
  readonly #waiting = new Map<string, { jobs: Job[]; size: number }>();
  #size = 0;
  #isTakingTurns = false;
  readonly #contention = new Contention();

  /**
   * `pause` ends after so many milliseconds, and not before all has been served that has come until then; `now` is in
   * milliseconds and never goes back.
   */
  constructor(
    limits: FairQueueLimits,
    pause: (milliseconds: number) => Promise<void>,
    now: () => number,
    room: SharedRoom,
  ) {
    this.#room = room;
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
    if (this.#mayDoNow(caller, size)) return this.#done(work);
    return this.#wait(caller, size, (resolve, reject) => () => {
      this.#done(work).then(resolve, reject);
      return undefined;
    });
  }

  /**
   * The same with `prepare` before it, which is done a step at a time and hands its result on. It yields the size of each
   * step.
   */
  prepareAndRun<T, R>(
    caller: string,
    size: number,
    prepare: Generator<number, R>,
    work: (prepared: R) => T | Promise<T>,
  ): NoRoom | Promise<{ done: T }> {
    if (this.#mayDoNow(caller, size)) return this.#done(() => work(finish(prepare)));
    return this.#wait(caller, size, (resolve, reject) => () => {
      try {
        const step = prepare.next();
        if (step.done !== true) return step.value;
        this.#done(() => work(step.value)).then(resolve, reject);
      } catch (error) {
        reject(error);
      }
      return undefined;
    });
  }

  #mayDoNow(caller: string, size: number): boolean {
    this.#contention.note(caller, this.#now());
    return !this.isWaiting(caller) && this.#isLittle(caller, size);
  }

  #wait<T>(
    caller: string,
    size: number,
    stepsOf: (resolve: (done: T) => void, reject: (error: unknown) => void) => Job["step"],
  ): NoRoom | Promise<T> {
    const cost = size + JOB;
    const queue = this.#waiting.get(caller) ?? { jobs: [], size: 0 };
    const { perCaller, size: most } = this.#limits;
    if (queue.jobs.length >= perCaller.jobs || queue.size + cost > perCaller.size) return "rate_limited";
    if (this.#size + cost > most || !this.#room.take(cost)) return "overloaded";
    return new Promise((resolve, reject) => {
      queue.jobs.push({ cost, step: stepsOf(resolve, reject) });
      queue.size += cost;
      this.#size += cost;
      this.#waiting.set(caller, queue);
      if (!this.#isTakingTurns) void this.#takeTurns();
    });
  }

  async #done<T>(work: () => T | Promise<T>): Promise<{ done: T }> {
    return { done: await work() };
  }

  #isLittle(caller: string, size: number): boolean {
    return size <= this.#limits.turn && this.#atOnce.take(caller, this.#now(), size + JOB) === 0;
  }

  async #takeTurns(): Promise<void> {
    this.#isTakingTurns = true;
    for (let done = 0; this.#waiting.size > 0;) {
      await this.#pause(this.#contention.isThere(this.#now()) ? done * this.#limits.pace : 0);
      for (done = 0; done < this.#limits.turn && this.#waiting.size > 0;) done += this.#step();
    }
    this.#isTakingTurns = false;
  }

  /** One step of the caller whose turn it is. How much that was. */
  #step(): number {
    const [first] = this.#waiting;
    if (!first) return 0;
    const [caller, queue] = first;
    const [job] = queue.jobs;
    const size = job?.step();
    // Behind the others.
    this.#waiting.delete(caller);
    if (size === undefined && job) {
      queue.jobs.shift();
      queue.size -= job.cost;
      this.#size -= job.cost;
      this.#room.give(job.cost);
    }
    if (queue.jobs.length > 0) this.#waiting.set(caller, queue);
    return size ?? job?.cost ?? 0;
  }
}
