import type { NoRoom } from "../protocol/codes.ts";
import { finishSteps } from "../protocol/long-json.ts";
import type { Rate } from "./quotas.ts";
import { TokenBucket, TokenBuckets } from "./token-bucket.ts";

/** How the thread is shared. Sizes are bytes of memory; the time that work takes is measured by them too. */
export interface FairQueueLimits {
  /** Work that one account may have done at once, without waiting for a turn. */
  readonly atOnce: Rate;
  /** The same of all accounts together, but for those that have little. */
  readonly allAtOnce: Rate;
  /** What counts as little even where others have to go on first: the work of an account that does not flood. */
  readonly little: Rate;
  /** Work done in one turn. Work that is longer has a turn of its own. */
  readonly turn: number;
  /** Milliseconds of pause for each byte of the turn before, while more than one account is active. */
  readonly pace: number;
  /** What may wait of one account, and of all, including what it costs to keep each piece of work. */
  readonly perAccount: { readonly jobs: number; readonly size: number };
  readonly size: number;
}

/** The memory that waiting work shares with others. Has room for the longest piece of work if nothing waits. */
export interface SharedRoom {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** What the object has to do beside the work of a queue. */
export interface OtherWork {
  /** Whether it has to go on before any more of the queue's work, or even before work of an account that has little. */
  isOwed(hasLittle?: boolean): boolean;
  /** Notes that work of this size was done, overhead included. */
  tookIn(size: number): void;
}

/** Milliseconds for which an account counts as active after its last work. */
const STILL_ACTIVE = 1_000;

/** Tells whether more than one account is active: a single one may have all of the thread. */
export class Contention {
  #last: string | undefined;
  #lastAt = -Infinity;
  /** When an account came soon after another one. */
  #mixedAt = -Infinity;

  note(account: string, now: number): void {
    if (account !== this.#last && now < this.#lastAt + STILL_ACTIVE) this.#mixedAt = now;
    this.#last = account;
    this.#lastAt = now;
  }

  isThere(now: number): boolean {
    return now < this.#mixedAt + STILL_ACTIVE;
  }
}

/** Added to the size of each piece of work: to keep it takes memory, and to do it takes time, however small it is. */
const OVERHEAD = 1024;

interface WaitingWork {
  readonly cost: number;
  /** Runs one step of it and returns the step's size; undefined once there are no more. */
  readonly step: () => number | undefined;
}

/**
 * Does work at once for accounts with little of it, and else in turns, one account after the other, with pauses in which
 * the object serves others. Work that waits delays other accounts by no more than a turn. The work of one account is done
 * in the order in which it came.
 */
export class FairQueue {
  readonly #limits: FairQueueLimits;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #now: () => number;
  readonly #room: SharedRoom;
  readonly #others: OtherWork;
  readonly #atOnce: TokenBuckets;
  readonly #little: TokenBuckets;
  readonly #allAtOnce: TokenBucket;
  /** By account. The one whose turn is next comes first. */
  readonly #waiting = new Map<string, { jobs: WaitingWork[]; size: number }>();
  #size = 0;
  #isTakingTurns = false;
  readonly #contention = new Contention();

  /**
   * `pause` resolves after so many milliseconds, once all that came until then is served and nothing is owed to `others`. `now`
   * never goes back.
   */
  constructor(
    limits: FairQueueLimits,
    pause: (milliseconds: number) => Promise<void>,
    now: () => number,
    room: SharedRoom,
    others: OtherWork,
  ) {
    this.#room = room;
    this.#others = others;
    this.#limits = limits;
    this.#pause = pause;
    this.#now = now;
    this.#atOnce = new TokenBuckets(limits.atOnce);
    this.#little = new TokenBuckets(limits.little);
    this.#allAtOnce = new TokenBucket(limits.allAtOnce, now());
  }

  /** Whether work of this account waits: what comes after it has to wait too, to keep the order. */
  isWaiting(account: string): boolean {
    return this.#waiting.has(account);
  }

  /** Whether work of this account goes before that of others, which waits. */
  isOvertaking(account: string): boolean {
    return this.#waiting.size > 0 && !this.isWaiting(account);
  }

  /** Does the work now or when its turn comes; not at all if too much is waiting. */
  run<T>(account: string, size: number, work: () => T | Promise<T>): NoRoom | Promise<T> {
    return this.runInSteps(account, size, inOneStep(work));
  }

  /** Like `run`, for work in steps, which yields the size of each step. */
  runInSteps<T>(account: string, size: number, steps: Generator<number, T | Promise<T>>): NoRoom | Promise<T> {
    this.#contention.note(account, this.#now());
    if (!this.isWaiting(account) && this.#mayBeDoneAtOnce(account, size))
      return new Promise((resolve) => resolve(finishSteps(steps)));
    const cost = size + OVERHEAD;
    const queue = this.#waiting.get(account) ?? { jobs: [], size: 0 };
    const { perAccount, size: most } = this.#limits;
    if (queue.jobs.length >= perAccount.jobs || queue.size + cost > perAccount.size) return "rate_limited";
    if (this.#size + cost > most || !this.#room.take(cost)) return "overloaded";
    return new Promise((resolve, reject) => {
      const step = (): number | undefined => {
        try {
          const { done, value } = steps.next();
          if (done !== true) return value;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        return undefined;
      };
      queue.jobs.push({ cost, step });
      queue.size += cost;
      this.#size += cost;
      this.#waiting.set(account, queue);
      if (!this.#isTakingTurns) void this.#takeTurns();
    });
  }

  #mayBeDoneAtOnce(account: string, size: number): boolean {
    if (size > this.#limits.turn) return false;
    const now = this.#now();
    const cost = size + OVERHEAD;
    const hasLittle = this.#little.take(account, now, cost) === 0;
    if (this.#others.isOwed(hasLittle) || this.#atOnce.take(account, now, cost) > 0) return false;
    // Without a pause now and then, the runtime takes in nothing but more of the same.
    if (!hasLittle && this.#allAtOnce.take(now, cost) > 0) return false;
    this.#others.tookIn(cost);
    return true;
  }

  async #takeTurns(): Promise<void> {
    this.#isTakingTurns = true;
    for (let done = 0; this.#waiting.size > 0;) {
      await this.#pause(this.#contention.isThere(this.#now()) ? done * this.#limits.pace : 0);
      for (done = 0; done < this.#limits.turn && this.#waiting.size > 0;) done += this.#step();
    }
    this.#isTakingTurns = false;
  }

  /** Runs one step for the account whose turn it is, and returns the step's size. */
  #step(): number {
    const [first] = this.#waiting;
    if (!first) return 0;
    const [account, queue] = first;
    const [job] = queue.jobs;
    const size = job?.step();
    // Now it is behind the others.
    this.#waiting.delete(account);
    if (size === undefined && job) {
      queue.jobs.shift();
      queue.size -= job.cost;
      this.#size -= job.cost;
      this.#room.give(job.cost);
    }
    if (queue.jobs.length > 0) this.#waiting.set(account, queue);
    const done = size ?? job?.cost ?? 0;
    this.#others.tookIn(done);
    return done;
  }
}

// oxlint-disable-next-line require-yield -- its only step is its last
function* inOneStep<T>(work: () => T): Generator<number, T> {
  return work();
}
