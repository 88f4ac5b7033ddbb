import type { Share } from "../../feed/fanout/budget.ts";

/** A job that yields between steps of a few milliseconds each how many bytes it holds, and returns what came of it. */
export type Steps<T> = Generator<number, T>;

/** Most jobs that may wait: of one owner, and of all together. */
const MOST_OF_ONE = 32;
const MOST = 128;
/** Bytes held by all jobs under way, past which the one that holds the most is ended before others go on. */
const HELD = 4 * 1024 * 1024;
/** Bytes that a job may come to hold whatever room there is, with one update more, if it is the one that holds the most. */
export const ALWAYS = 512 * 1024;
/** Milliseconds between two steps: what has come in meanwhile is served first. */
const PAUSE = 1;

interface Job {
  /** Does a step, and says how many bytes are held after it; nothing where it is over. */
  step(): number | undefined;
  fail(error: unknown): void;
  /** Answers that it is not done. */
  leave(): void;
}

interface Owner {
  readonly jobs: Job[];
  /** Bytes that the first of them holds; the others have not begun. */
  held: number;
}

/**
 * Long jobs, done a step at a time: in each turn of the event loop one step of one job, the owners in turn. Whatever
 * many ask for together, everybody else waits for one step at a time, and what has been found for them stays bounded.
 */
export class ReadTurns {
  /** In the order in which they come up next. */
  readonly #owners = new Map<string, Owner>();
  readonly #share: Share;
  #waiting = 0;
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(share: Share) {
    this.#share = share;
  }

  /** Bytes that the job whose step it is may hold more. */
  get room(): number {
    return this.#share.room;
  }

  /** Does a job, beginning at once where no other is under way. Nothing, and at once, where too many wait. */
  take<T>(name: string, steps: Steps<T>): Promise<T | undefined> {
    const owner = this.#owners.get(name) ?? { jobs: [], held: 0 };
    if (this.#waiting >= MOST || owner.jobs.length >= MOST_OF_ONE) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const step = (): number | undefined => {
        const { done, value } = steps.next();
        if (done !== true) return value;
        resolve(value);
        return undefined;
      };
      owner.jobs.push({ step, fail: reject, leave: () => resolve(undefined) });
      this.#owners.set(name, owner);
      this.#waiting++;
      if (this.#timer === undefined) this.#turn();
    });
  }

  /** Leaves all jobs, and tells each so. */
  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { jobs } of this.#owners.values()) for (const job of jobs) job.leave();
    this.#owners.clear();
    this.#waiting = 0;
    this.#held = 0;
    this.#count();
  }

  #turn(): void {
    this.#timer = undefined;
    const next = this.#next();
    if (!next) return;
    const [name, owner] = next;
    this.#owners.delete(name);
    const held = stepOf(owner.jobs[0]);
    this.#held += (held ?? 0) - owner.held;
    owner.held = held ?? 0;
    if (held === undefined) {
      owner.jobs.shift();
      this.#waiting--;
    }
    if (owner.jobs.length > 0) this.#owners.set(name, owner);
    this.#count();
    if (this.#waiting > 0) this.#timer = setTimeout(() => this.#turn(), PAUSE);
  }

  #next(): [string, Owner] | undefined {
    let [next] = this.#owners;
    if (this.#held < HELD && this.#share.has(2 * ALWAYS)) return next;
    for (const other of this.#owners) if (next && other[1].held > next[1].held) next = other;
    return next;
  }

  #count(): void {
    let most = 0;
    for (const { held } of this.#owners.values()) most = Math.max(most, held);
    this.#share.setAll(this.#held, most);
  }
}

function stepOf(job: Job | undefined): number | undefined {
  try {
    return job?.step();
  } catch (error) {
    job?.fail(error);
    return undefined;
  }
}
