/** How a feed divides its time between sending and everything else. */
export interface FlushPolicy {
  /** Messages a second up to which updates are sent as they come. Above it, updates are gathered and sent together. */
  readonly capacity: number;
  /** Messages of one slice. Between two slices the feed takes in what has come. */
  readonly slice: number;
  /** Members of a group, at most. */
  readonly group: number;
  /** The window: milliseconds from one gathered message to a subscriber to its next, by how many subscribers wait. */
  window(waiting: number): number;
  /** Milliseconds from one flush to the next, at least. Within a window, each flush serves other subscribers. */
  readonly turn: number;
}

/** Milliseconds over which the load is averaged. */
const LOAD_TIME = 250;

/**
 * Decides when the next flush may begin, and how many subscribers it serves. Under load each subscriber waits for its
 * window, and flushes take turns over the subscribers, so that each one waits only for its own. Times are milliseconds
 * of the steady clock.
 */
export class FlushSchedule {
  readonly #policy: FlushPolicy;
  /** Messages that it would take to send everything at once, fading with time. */
  #offered = 0;
  #offeredAt = 0;
  /** When the next flush may begin while the load is not light. */
  #next = 0;

  constructor(policy: FlushPolicy) {
    this.#policy = policy;
  }

  /** Notes updates that, sent at once, would make so many messages. */
  offer(messages: number, now: number): void {
    this.#offered = this.#fade(now) + messages;
    this.#offeredAt = now;
  }

  /**
   * How many of the waiting subscribers a flush that begins now serves. No more than a turn has time for: what is accepted
   * while a flush is sent waits for its end.
   */
  quota(waiting: number, now: number): number {
    const { capacity, turn } = this.#policy;
    if (this.#isLight(now)) return Math.min(waiting, (capacity * turn) / 1000);
    return (waiting * turn) / this.#policy.window(waiting);
  }

  /** Notes a flush with so many messages to the subscribers that waited. */
  flushed(messages: number, waiting: number, now: number): void {
    this.#next = now + (this.#policy.window(waiting) * messages) / waiting;
  }

  /** When the next flush may begin: now, while the load is light. */
  next(now: number): number {
    return this.#isLight(now) ? now : this.#next;
  }

  #isLight(now: number): boolean {
    return (this.#fade(now) * 1000) / LOAD_TIME <= this.#policy.capacity;
  }

  #fade(now: number): number {
    return this.#offered * Math.exp(Math.min(0, this.#offeredAt - now) / LOAD_TIME);
  }
}
