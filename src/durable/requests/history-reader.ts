import type { Job, StepResult } from "../../feed/fanout/catch-up/jobs.ts";
import type { LogMemory } from "../../feed/fanout/catch-up/log-memory.ts";
import { FANOUT_LIMITS } from "../../feed/fanout/fanout-limits.ts";
import type { WorkMeter } from "../../feed/fanout/work.ts";
import type { HistoryPage } from "../storage/feed-store.ts";

/** Reads a page of history, a piece of storage in each step: a job of the feed, like other reads. */
export class HistoryReader implements Job {
  readonly account: string;
  /** It shows only what is stored. */
  readonly needsCommit = false;
  readonly #steps: Generator<number, HistoryPage>;
  readonly #memory: LogMemory;
  readonly #found: (page: HistoryPage | undefined) => void;
  readonly #failed: (error: unknown) => void;

  /** Each step yields how many bytes are held after it. One of the two functions is called, once. */
  constructor(
    account: string,
    steps: Generator<number, HistoryPage>,
    memory: LogMemory,
    found: (page: HistoryPage | undefined) => void,
    failed: (error: unknown) => void,
  ) {
    this.account = account;
    this.#steps = steps;
    this.#memory = memory;
    this.#found = found;
    this.#failed = failed;
  }

  isReady(): boolean {
    return this.#memory.hasRoom(this);
  }

  step(_: number, meter: WorkMeter): StepResult {
    if (!this.isReady()) return "wait";
    // A few milliseconds: all that a turn of the event loop is for.
    meter.work += FANOUT_LIMITS.stepWork;
    const { done, value } = this.#steps.next();
    if (done !== true) {
      this.#memory.hold(this, value);
      return "more";
    }
    this.#memory.release(this);
    this.#found(value);
    return "done";
  }

  fail(error: unknown): void {
    this.#memory.release(this);
    this.#failed(error);
  }

  end(): void {
    this.#memory.release(this);
    this.#found(undefined);
  }
}
