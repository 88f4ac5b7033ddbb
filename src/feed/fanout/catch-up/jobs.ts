import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import { COST, type WorkMeter } from "../work.ts";

/** How a job goes on after a step. */
export type StepResult = "more" | "wait" | "done";

/** Work that may be long, done in steps. */
export interface Job {
  readonly account: string;
  /** Whether its next step shows the feed's present state, so that all of that must be committed first. */
  readonly needsCommit: boolean;
  /** Does one step, and adds what it took to `meter`. */
  step(now: number, meter: WorkMeter): StepResult;
  /** Whether a job that waits can go on. */
  isReady(now: number): boolean;
  /** Ends the job: a step has thrown. */
  fail(error: unknown): void;
  /** Ends the job: it was cancelled, or the feed is no longer served. */
  end(): void;
}

/** Milliseconds after which a job that waits is asked whether it is ready: longer each time. The last is for `wait`. */
const DELAYS = [1, 2, 4, 8, 16, 32, 64, SERVER_LIMITS.lagReview] as const;
const LONGEST = DELAYS.indexOf(64);
/** Waiting jobs that are asked in one run. */
const ASKED_AT_ONCE = 500;

/** Jobs of many accounts, which take turns, one step each: an account that asks for much waits alone. */
export class Jobs implements WorkMeter {
  readonly #stepWork: number;
  /** Jobs that can go on. The account whose turn it is comes first. */
  readonly #byAccount = new Map<string, Set<Job>>();
  /** For each of `DELAYS`, jobs that wait with the time at which they are asked, the earliest first. */
  readonly #waiting = DELAYS.map(() => new Map<Job, number>());
  /** Done since the last run began. */
  work = 0;
  /** Whether the last run left a job out because not everything was committed. */
  #isBlocked = false;

  constructor(stepWork: number) {
    this.#stepWork = stepWork;
  }

  /** Whether a run would show the feed's present state. */
  get needsCommit(): boolean {
    for (const jobs of this.#byAccount.values()) if (first(jobs, () => true)?.needsCommit) return true;
    return this.#isBlocked;
  }

  /** Whether a run should follow soon: there is work left, or little room for more. */
  get isBusy(): boolean {
    return this.#byAccount.size > 0 || this.work * 2 > this.#stepWork;
  }

  /** Jobs that wait for something else. */
  get waiting(): number {
    let count = 0;
    for (const waiting of this.#waiting) count += waiting.size;
    return count;
  }

  /** Begins a job, with as many steps as there is time for. */
  start(job: Job, now: number, isCommitted: boolean): void {
    let result: StepResult = "more";
    for (; result === "more" && this.work < this.#stepWork; result = this.#step(job, now)) {
      if (job.needsCommit && !isCommitted) break;
    }
    this.#keep(job, result, now, 0);
  }

  /** Puts a job last among those of its account. */
  add(job: Job): void {
    const jobs = this.#byAccount.get(job.account);
    if (jobs) jobs.add(job);
    else this.#byAccount.set(job.account, new Set([job]));
  }

  /** Adds a job that cannot go on for a long time. */
  wait(job: Job, now: number): void {
    this.#keep(job, "wait", now, DELAYS.length - 1);
  }

  /** Ends a job, and does no more of it. */
  cancel(job: Job): void {
    for (const waiting of this.#waiting) waiting.delete(job);
    const jobs = this.#byAccount.get(job.account);
    if (jobs?.delete(job) && jobs.size === 0) this.#byAccount.delete(job.account);
    job.end();
  }

  end(): void {
    const jobs = [...this.#byAccount.values(), ...this.#waiting.map((waiting) => waiting.keys())];
    const all = jobs.flatMap((some) => Array.from(some));
    this.#byAccount.clear();
    for (const waiting of this.#waiting) waiting.clear();
    this.#isBlocked = false;
    for (const job of all) job.end();
  }

  /** Does a bounded amount of work. `isCommitted`: whether everything that the feed shows is committed. */
  run(now: number, isCommitted: () => boolean): void {
    this.work = 0;
    this.#isBlocked = false;
    this.#askWaiting(now);
    // Accounts that may still have a job that can go on: at 0, all were looked at in vain.
    let accounts = this.#byAccount.size;
    for (const [account, jobs] of this.#byAccount) {
      if (this.work >= this.#stepWork || accounts === 0) return;
      this.#byAccount.delete(account);
      const job = first(jobs, (job) => !job.needsCommit || isCommitted());
      if (job) {
        jobs.delete(job);
        const result = this.#step(job, now);
        accounts = this.#byAccount.size + 1;
        if (result === "more") jobs.add(job);
        else this.#keep(job, result, now, 0);
      } else {
        this.#isBlocked = true;
        accounts--;
      }
      if (jobs.size > 0) {
        // The step may have added jobs of the same account.
        for (const other of this.#byAccount.get(account) ?? []) jobs.add(other);
        this.#byAccount.set(account, jobs);
      }
    }
  }

  /** When to run next; Infinity if there is nothing to do. */
  due(now: number): number {
    if (this.#byAccount.size > 0) return now;
    let next = Infinity;
    for (const waiting of this.#waiting) {
      const [at] = waiting.values();
      if (at !== undefined && at < next) next = at;
    }
    return Math.max(now, next);
  }

  #step(job: Job, now: number): StepResult {
    this.work += COST.begin;
    return this.#try(job, () => job.step(now, this)) ?? "done";
  }

  /** A job that fails takes no other with it. */
  #try<T>(job: Job, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      job.fail(error);
      return undefined;
    }
  }

  #keep(job: Job, result: StepResult, now: number, waits: number): void {
    if (result === "more") this.add(job);
    if (result !== "wait") return;
    this.#waiting[waits]?.set(job, now + (DELAYS[waits] ?? 0));
  }

  #askWaiting(now: number): void {
    let asked = 0;
    for (const [waits, waiting] of this.#waiting.entries()) {
      for (const [job, at] of waiting) {
        if (at > now || asked++ >= ASKED_AT_ONCE) break;
        waiting.delete(job);
        this.work += COST.check;
        const isReady = this.#try(job, () => job.isReady(now));
        if (isReady === true) this.add(job);
        else if (isReady === false) this.#keep(job, "wait", now, waits < LONGEST ? waits + 1 : waits);
      }
    }
  }
}

function first<T>(items: Iterable<T>, fits: (item: T) => boolean): T | undefined {
  for (const item of items) if (fits(item)) return item;
  return undefined;
}
