/** A job that yields between steps of a few milliseconds each, and returns what came of it. */
export type Steps<T> = Generator<unknown, T>;

/** Most jobs that may wait: of one owner, and of all together. */
const MOST_OF_ONE = 64;
const MOST = 512;
/** Milliseconds between two steps: what has come in meanwhile is served first. */
const PAUSE = 1;

interface Job {
  step(): boolean;
  fail(error: unknown): void;
}

/**
 * Long jobs, done a step at a time: in each turn of the event loop one step of one job, the owners in turn. Whatever
 * many ask for together, everybody else waits for one step at a time.
 */
export class Turns {
  /** The jobs of each owner, in the order in which the owners come up next. */
  readonly #owners = new Map<string, Job[]>();
  #waiting = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Does a job, beginning at once where no other is under way. Nothing, and at once, where too many wait. */
  take<T>(owner: string, steps: Steps<T>): Promise<T | undefined> {
    const jobs = this.#owners.get(owner) ?? [];
    if (this.#waiting >= MOST || jobs.length >= MOST_OF_ONE) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const step = (): boolean => {
        const { done, value } = steps.next();
        if (done === true) resolve(value);
        return done === true;
      };
      jobs.push({ step, fail: reject });
      this.#owners.set(owner, jobs);
      this.#waiting++;
      if (this.#timer === undefined) this.#turn();
    });
  }

  #turn(): void {
    this.#timer = undefined;
    const [next] = this.#owners;
    if (!next) return;
    const [owner, jobs] = next;
    this.#owners.delete(owner);
    if (isOver(jobs[0])) {
      jobs.shift();
      this.#waiting--;
    }
    if (jobs.length > 0) this.#owners.set(owner, jobs);
    if (this.#waiting > 0) this.#timer = setTimeout(() => this.#turn(), PAUSE);
  }
}

function isOver(job: Job | undefined): boolean {
  try {
    return !job || job.step();
  } catch (error) {
    job?.fail(error);
    return true;
  }
}
