import { COST, type Meter } from "../fanout-limits.ts";

/** What became of a piece of work. */
export type Step = "more" | "wait" | "done";

/** Work that may be long, done in pieces. */
export interface Job {
  readonly account: string;
  /** Whether its next piece shows what the feed is now, so that all of that has to be written first. */
  readonly shows: boolean;
  /** Does one piece. What it took is added to `meter`. */
  step(now: number, meter: Meter): Step;
  /** Whether one that waits can go on. */
  isReady(now: number): boolean;
  /** Ends it: a step has failed. */
  fail(error: unknown): void;
  /** Ends it: nothing more will be done. */
  end(): void;
}

/** Milliseconds after which one that waits is looked at again: longer each time. */
const DELAYS = [1, 2, 4, 8, 16, 32, 64] as const;
/** Jobs that wait are looked at in turns of so many. */
const LOOKS = 500;

/**
 * Jobs of many accounts by turns: each account's next job does one piece, then comes the next account. So one who asks for
 * much waits for it alone.
 */
export class Jobs implements Meter {
  readonly #stepWork: number;
  /** The account whose turn it is comes first. */
  readonly #byAccount = new Map<string, Set<Job>>();
  /** By how long each waits, in the order in which they are to be looked at. */
  readonly #waiting = DELAYS.map(() => new Map<Job, number>());
  /** Done since the last step began. */
  work = 0;
  /** Whether something cannot go on before all is written that the feed shows. */
  #blocked = false;

  constructor(stepWork: number) {
    this.#stepWork = stepWork;
  }

  /** Whether a step would show what the feed is now. */
  get shows(): boolean {
    for (const jobs of this.#byAccount.values()) if (first(jobs, () => true)?.shows) return true;
    return this.#blocked;
  }

  /** Whether so much was done that a step should follow, after which there is room for more. */
  get isTired(): boolean {
    return this.#byAccount.size > 0 || this.work * 2 > this.#stepWork;
  }

  /** Jobs that wait for what is not theirs to do. */
  get waiting(): number {
    let count = 0;
    for (const waiting of this.#waiting) count += waiting.size;
    return count;
  }

  /** Begins a job: does at once what there is time for. */
  start(job: Job, now: number, maySee: boolean): void {
    let step: Step = "more";
    for (; step === "more" && this.work < this.#stepWork; step = this.#step(job, now)) if (job.shows && !maySee) break;
    this.#keep(job, step, now, 0);
  }

  /** Has a job wait for its turn. */
  add(job: Job): void {
    const jobs = this.#byAccount.get(job.account);
    if (jobs) jobs.add(job);
    else this.#byAccount.set(job.account, new Set([job]));
  }

  remove(job: Job): void {
    for (const waiting of this.#waiting) waiting.delete(job);
    const jobs = this.#byAccount.get(job.account);
    if (jobs?.delete(job) && jobs.size === 0) this.#byAccount.delete(job.account);
  }

  /** Ends all. */
  end(): void {
    const jobs = [...this.#byAccount.values(), ...this.#waiting.map((waiting) => waiting.keys())];
    const all = jobs.flatMap((some) => Array.from(some));
    this.#byAccount.clear();
    for (const waiting of this.#waiting) waiting.clear();
    this.#blocked = false;
    for (const job of all) job.end();
  }

  /** One step. `maySee`: whether all is written that the feed shows. */
  run(now: number, maySee: () => boolean): void {
    this.work = 0;
    this.#blocked = false;
    this.#lookAtWaiting(now);
    let accounts = this.#byAccount.size;
    for (const [account, jobs] of this.#byAccount) {
      if (this.work >= this.#stepWork || accounts === 0) return;
      this.#byAccount.delete(account);
      const job = first(jobs, (job) => !job.shows || maySee());
      if (job) {
        jobs.delete(job);
        const step = this.#step(job, now);
        accounts = this.#byAccount.size + 1;
        if (step === "more") jobs.add(job);
        else this.#keep(job, step, now, 0);
      } else {
        this.#blocked = true;
        accounts--;
      }
      if (jobs.size > 0) {
        // Work may have come for it meanwhile.
        for (const other of this.#byAccount.get(account) ?? []) jobs.add(other);
        this.#byAccount.set(account, jobs);
      }
    }
  }

  /** When to go on; nothing where nothing is to be done. */
  due(now: number): number | undefined {
    if (this.#byAccount.size > 0) return now;
    let next = Infinity;
    for (const waiting of this.#waiting) {
      const [at] = waiting.values();
      if (at !== undefined && at < next) next = at;
    }
    return next === Infinity ? undefined : Math.max(now, next);
  }

  #step(job: Job, now: number): Step {
    this.work += COST.look;
    return this.#try(job, () => job.step(now, this)) ?? "done";
  }

  /** One that fails takes no other with it. */
  #try<T>(job: Job, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      job.fail(error);
      return undefined;
    }
  }

  #keep(job: Job, step: Step, now: number, waits: number): void {
    if (step === "more") this.add(job);
    if (step !== "wait") return;
    const delay = Math.min(waits, DELAYS.length - 1);
    this.#waiting[delay]?.set(job, now + (DELAYS[delay] ?? 0));
  }

  #lookAtWaiting(now: number): void {
    let looks = LOOKS;
    for (const [waits, waiting] of this.#waiting.entries()) {
      for (const [job, at] of waiting) {
        if (at > now || looks-- <= 0) break;
        waiting.delete(job);
        this.work += COST.glance;
        const isReady = this.#try(job, () => job.isReady(now));
        if (isReady === true) this.add(job);
        else if (isReady === false) this.#keep(job, "wait", now, waits + 1);
      }
    }
  }
}

function first<T>(items: Iterable<T>, fits: (item: T) => boolean): T | undefined {
  for (const item of items) if (fits(item)) return item;
  return undefined;
}
