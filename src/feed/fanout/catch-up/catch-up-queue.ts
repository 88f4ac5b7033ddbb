import type { Subscriber } from "../subscriber.ts";
import { CatchUp, type CatchUpContext } from "./catch-up.ts";
import { Jobs, type Job } from "./jobs.ts";

/** What runs the queue. */
export interface QueueContext extends Omit<CatchUpContext, "done"> {
  /** The steady clock, in milliseconds. */
  readonly now: () => number;
  /** Asks for a step, as soon as possible. */
  readonly wake: () => void;
  /** Whether everything that the feed shows is committed and delivered. */
  readonly isCommitted: () => boolean;
}

/** The catch-ups of subscribers, at most one each, and the reads of HTTP clients: small ones at once, long ones by turns. */
export class CatchUpQueue {
  readonly #context: QueueContext;
  readonly #catchUpContext: CatchUpContext;
  readonly #jobs: Jobs;
  readonly #bySubscriber = new Map<Subscriber, CatchUp>();
  #isEnded = false;

  constructor(context: QueueContext) {
    this.#context = context;
    this.#catchUpContext = { ...context, done: (subscriber) => void this.#bySubscriber.delete(subscriber) };
    this.#jobs = new Jobs(context.limits.stepWork);
  }

  /** Jobs that wait, most of them for a client that does not take what it is sent. */
  get waiting(): number {
    return this.#jobs.waiting;
  }

  get needsCommit(): boolean {
    return this.#jobs.needsCommit;
  }

  has(subscriber: Subscriber): boolean {
    return this.#bySubscriber.has(subscriber);
  }

  /** Begins a subscriber's catch-up, unless it has one: as much at once as there is time for. */
  begin(subscriber: Subscriber): void {
    if (!this.has(subscriber)) this.start(this.#newCatchUp(subscriber));
  }

  /** Begins a subscriber's catch-up, unless it has one, when its turn comes. */
  add(subscriber: Subscriber): void {
    if (this.#isEnded || this.has(subscriber)) return;
    this.#jobs.add(this.#newCatchUp(subscriber));
    this.#context.wake();
  }

  cancel(subscriber: Subscriber): void {
    const catchUp = this.#bySubscriber.get(subscriber);
    if (!catchUp) return;
    this.#bySubscriber.delete(subscriber);
    this.#jobs.remove(catchUp);
    catchUp.end();
  }

  /** Begins a job: as much at once as there is time for. */
  start(job: Job): void {
    if (this.#isEnded) {
      job.end();
      return;
    }
    const { now, wake, isCommitted, backlogs } = this.#context;
    const time = now();
    this.#jobs.start(job, time, isCommitted());
    if (this.#jobs.isBusy || this.#jobs.due(time) < Infinity || backlogs.due(time) < Infinity) wake();
  }

  run(now: number): void {
    this.#jobs.run(now, this.#context.isCommitted);
  }

  due(now: number): number {
    return this.#jobs.due(now);
  }

  end(): void {
    this.#isEnded = true;
    this.#jobs.end();
    this.#bySubscriber.clear();
  }

  #newCatchUp(subscriber: Subscriber): CatchUp {
    const catchUp = new CatchUp(subscriber, this.#catchUpContext);
    this.#bySubscriber.set(subscriber, catchUp);
    return catchUp;
  }
}
