/** How a feed shares its time between sending and everything else. */
export interface FlushPolicy {
  /**
   * Messages a second that are sent as the updates come. Where updates would make more than these, they are gathered
   * and go out together.
   */
  readonly capacity: number;
  /** Messages that are sent in one go; between two goes the feed takes what has come in. */
  readonly slice: number;
  /** Subscribers that are served together, at most. */
  readonly group: number;
  /** Milliseconds from one gathered message to a subscriber to the next, by how many subscribers wait for one. */
  window(waiting: number): number;
  /** Milliseconds: within a window a pass serves some of those who wait and the next one others, no sooner than this. */
  readonly turn: number;
}

/** Over how long the load is taken, in milliseconds. */
const MEMORY = 250;

/**
 * Decides when the next pass may begin, and how many it serves. Under load each subscriber waits for a window, and they
 * are served by turns: what is new waits for nobody but its own reader. Times are milliseconds of a clock that never goes back.
 */
export class FlushSchedule {
  readonly #pace: FlushPolicy;
  /** Messages offered, fading with time: what sending everything at once would come to, whether or not it was done. */
  #offered = 0;
  #offeredAt = 0;
  /** When the next pass may begin while the load is not light. */
  #next = 0;

  constructor(pace: FlushPolicy) {
    this.#pace = pace;
  }

  /** Notes that updates have come which, sent at once, would make so many messages. */
  offer(messages: number, now: number): void {
    this.#offered = this.#fade(now) + messages;
    this.#offeredAt = now;
  }

  /** How many of those who wait the pass that begins now should serve. */
  quota(waiting: number, now: number): number {
    return this.#isLight(now) ? waiting : (waiting * this.#pace.turn) / this.#pace.window(waiting);
  }

  /** Notes a pass that serves so many of those who waited. */
  passed(messages: number, waiting: number, now: number): void {
    this.#next = now + (this.#pace.window(waiting) * messages) / waiting;
  }

  /** When the next pass may begin: at once while the load is light. */
  next(now: number): number {
    return this.#isLight(now) ? now : this.#next;
  }

  #isLight(now: number): boolean {
    return (this.#fade(now) * 1000) / MEMORY <= this.#pace.capacity;
  }

  #fade(now: number): number {
    return this.#offered * Math.exp(Math.min(0, this.#offeredAt - now) / MEMORY);
  }
}
