import { LIMITS } from "../protocol/limits.ts";
import type { Subscriber } from "./subscriber.ts";

interface Lag {
  backlog: number;
  /** When the backlog last became smaller, in milliseconds since 1970. */
  movedAt: number;
}

/**
 * Subscribers that do not take what they are sent. They are sent nothing more until they have caught up with what
 * waits for them, then one merged catch-up; one that takes nothing for too long is dropped. So a slow reader costs
 * its backlog and no more, and slows nobody else.
 */
export class Laggards {
  readonly #lags = new Map<Subscriber, Lag>();
  #reviewedAt = 0;

  get size(): number {
    return this.#lags.size;
  }

  has(subscriber: Subscriber): boolean {
    return this.#lags.has(subscriber);
  }

  /** Takes note of a subscriber whose backlog is too long for another message, if it is. */
  catch(subscriber: Subscriber, now: number): boolean {
    const backlog = subscriber.sink.backlog();
    if (backlog <= LIMITS.backlogHigh) return false;
    this.#lags.set(subscriber, { backlog, movedAt: now });
    return true;
  }

  forget(subscriber: Subscriber): void {
    this.#lags.delete(subscriber);
  }

  isToReview(now: number): boolean {
    return this.#lags.size > 0 && now >= this.#reviewedAt + LIMITS.lagReview;
  }

  /** Looks at each again: those that have drained are handed over, those that are stuck too. */
  review(now: number, drained: (subscriber: Subscriber) => void, stuck: (subscriber: Subscriber) => void): void {
    if (!this.isToReview(now)) return;
    this.#reviewedAt = now;
    for (const [subscriber, lag] of this.#lags) {
      const backlog = subscriber.sink.backlog();
      if (backlog < lag.backlog) lag.movedAt = now;
      lag.backlog = backlog;
      if (backlog <= LIMITS.backlogLow) {
        this.#lags.delete(subscriber);
        drained(subscriber);
      } else if (now - lag.movedAt >= LIMITS.stuckTime) {
        this.#lags.delete(subscriber);
        stuck(subscriber);
      }
    }
  }
}
