import { PublisherFullError } from "./errors.ts";
import { Listeners } from "./listeners.ts";
import type { Outcome } from "./outcome.ts";
import type { Update } from "./types.ts";

/** What has failed. `updates` is asked for only where somebody listens. */
export interface Failure {
  readonly error: Error;
  readonly count: number;
  readonly updates: () => readonly Update[];
}

/** Failures that no caller is told of, since nobody has taken the promise: they are events, and `flush` throws the first. */
export class Failures {
  readonly listeners = new Listeners<[error: Error, updates: readonly Update[]]>();
  /** The first error that neither `flush` nor `close` has thrown. */
  #first: Error | undefined;
  #dropped = 0;
  /** It was told that there was no room; not again until all that waits has gone out. */
  #isFullTold = false;
  #isOnConsole = false;

  /** Updates that nobody waited for and that were given up, because too much waited. */
  get dropped(): number {
    return this.#dropped;
  }

  note(error: Error): void {
    this.#first ??= error;
  }

  /** The first error since the last time. */
  takeFirst(): Error | undefined {
    const error = this.#first;
    this.#first = undefined;
    return error;
  }

  noteRoom(): void {
    this.#isFullTold = false;
  }

  /** Tells it unless somebody has taken the promise in a moment, as `await` does. */
  tellUnlessTaken(outcome: Outcome, failure: Failure): void {
    setTimeout(() => {
      if (!outcome.isAwaited) this.tell(failure);
    });
  }

  tell({ error, count, updates }: Failure): void {
    this.note(error);
    if (error instanceof PublisherFullError) {
      this.#dropped += count;
      if (this.#isFullTold) return;
      this.#isFullTold = true;
    }
    if (!this.listeners.isEmpty) this.listeners.call(error, updates());
    else if (!this.#isOnConsole) {
      this.#isOnConsole = true;
      // A listener gets all of them. Without one, the first must not pass unseen.
      // oxlint-disable-next-line no-console -- there is nobody else to tell
      console.error('Not published; on("error") tells of all that nobody waits for:', error);
    }
  }
}
