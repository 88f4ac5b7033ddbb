import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Subscriber } from "../subscriber.ts";
import type { Backlogs } from "./backlogs.ts";

/** Subscribers looked at in one review. */
const REVIEWED_AT_ONCE = 2_000;

/**
 * Live subscribers that lag: they do not take what they are sent. They get nothing more until their backlog has drained,
 * then one catch-up. One that takes nothing for too long is dropped. So a slow consumer costs its backlog and no more, and
 * slows down no other.
 */
export class SlowConsumers {
  readonly #backlogs: Backlogs;
  readonly #backlogHigh: number;
  /** The one that was looked at longest ago comes first. */
  readonly #lagging = new Set<Subscriber>();
  #reviewedAt = 0;

  constructor(backlogs: Backlogs, backlogHigh: number) {
    this.#backlogs = backlogs;
    this.#backlogHigh = backlogHigh;
  }

  get size(): number {
    return this.#lagging.size;
  }

  has(subscriber: Subscriber): boolean {
    return this.#lagging.has(subscriber);
  }

  /** Whether a subscriber's backlog is too long for another message of this length. It then counts as lagging. */
  holdBack(subscriber: Subscriber, length: number, now: number): boolean {
    const backlog = this.#backlogs.look(subscriber, now);
    if (backlog <= this.#backlogHigh && this.#backlogs.hasRoom(subscriber, length)) return false;
    this.#lagging.add(subscriber);
    return true;
  }

  forget(subscriber: Subscriber): void {
    this.#lagging.delete(subscriber);
  }

  clear(): void {
    this.#lagging.clear();
  }

  /** Looks at some of them again. Calls `catchUp` for those that have drained, `drop` for those that are stuck. */
  review(now: number, catchUp: (subscriber: Subscriber) => void, drop: (subscriber: Subscriber) => void): void {
    if (this.#lagging.size === 0 || now < this.#reviewedAt + SERVER_LIMITS.lagReview) return;
    this.#reviewedAt = now;
    const low = Math.min(SERVER_LIMITS.backlogLow, this.#backlogHigh);
    let looks = Math.min(REVIEWED_AT_ONCE, this.#lagging.size);
    for (const subscriber of this.#lagging) {
      if (looks-- === 0) return;
      this.#lagging.delete(subscriber);
      if (this.#backlogs.look(subscriber, now) <= low) catchUp(subscriber);
      else if (isStuck(subscriber, now)) drop(subscriber);
      else this.#lagging.add(subscriber);
    }
  }

  /** When to review; Infinity if none lags. */
  due(now: number): number {
    return this.#lagging.size > 0 ? now + SERVER_LIMITS.lagReview : Infinity;
  }
}

/** Whether it had taken nothing for too long when it was last looked at. */
export function isStuck({ backlog, movedAt }: Subscriber, now: number): boolean {
  return backlog > 0 && now - movedAt >= SERVER_LIMITS.stuckTime;
}
