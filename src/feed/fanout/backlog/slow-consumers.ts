import { LIMITS } from "../../../protocol/limits.ts";
import type { Backlogs } from "./backlogs.ts";
import type { Subscriber } from "../subscriber.ts";

/** Subscribers looked at in one go. */
const LOOKS = 2_000;

/**
 * Subscribers that do not take what they are sent. They are sent nothing more until they have caught up with what
 * waits for them, then one merged catch-up; one that takes nothing for too long is dropped. So a slow reader costs
 * its backlog and no more, and slows nobody else.
 */
export class SlowConsumers {
  readonly #backlogs: Backlogs;
  readonly #high: number;
  /** In the order in which they were last looked at. */
  readonly #lagging = new Set<Subscriber>();
  #reviewedAt = 0;

  constructor(backlogs: Backlogs, high: number) {
    this.#backlogs = backlogs;
    this.#high = high;
  }

  get size(): number {
    return this.#lagging.size;
  }

  has(subscriber: Subscriber): boolean {
    return this.#lagging.has(subscriber);
  }

  /** Takes note of a subscriber that has too much left for another message of this length, if it has. */
  catch(subscriber: Subscriber, length: number, now: number): boolean {
    const backlog = this.#backlogs.look(subscriber, now);
    if (backlog <= this.#high && this.#backlogs.mayTake(subscriber, length)) return false;
    this.#lagging.add(subscriber);
    return true;
  }

  forget(subscriber: Subscriber): void {
    this.#lagging.delete(subscriber);
  }

  clear(): void {
    this.#lagging.clear();
  }

  /** Looks at them again: those that have drained are handed over, those that are stuck too. */
  review(now: number, drained: (subscriber: Subscriber) => void, stuck: (subscriber: Subscriber) => void): void {
    if (this.#lagging.size === 0 || now < this.#reviewedAt + LIMITS.lagReview) return;
    this.#reviewedAt = now;
    const low = Math.min(LIMITS.backlogLow, this.#high);
    let looks = Math.min(LOOKS, this.#lagging.size);
    for (const subscriber of this.#lagging) {
      if (looks-- === 0) return;
      this.#lagging.delete(subscriber);
      if (this.#backlogs.look(subscriber, now) <= low) drained(subscriber);
      else if (isStuck(subscriber, now)) stuck(subscriber);
      else this.#lagging.add(subscriber);
    }
  }
}

/** Whether it has taken nothing for too long, as it was last looked at. */
export function isStuck({ backlog, movedAt }: Subscriber, now: number): boolean {
  return backlog > 0 && now - movedAt >= LIMITS.stuckTime;
}
