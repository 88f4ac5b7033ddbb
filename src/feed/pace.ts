/** How a feed shares its time between sending and everything else. */
export interface Pace {
  /**
   * Messages a second that are sent as the updates come. Where updates would make more than these, they are gathered
   * and go out together.
   */
  readonly capacity: number;
  /** Messages that are sent in one go; between two goes the feed takes what has come in. */
  readonly slice: number;
  /** Milliseconds from one gathered pass to the next, by how many messages the last one had. */
  window(messages: number): number;
}

/** Over how long the load is taken, in milliseconds. */
const MEMORY = 250;

/** Decides when the next pass over the subscribers may begin. Times are milliseconds since 1970. */
export class PassClock {
  readonly #pace: Pace;
  /** Messages offered, fading with time: what sending everything at once would come to, whether or not it was done. */
  #offered = 0;
  #offeredAt = 0;
  #lastPass = 0;
  #lastMessages = 0;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Notes that updates have come which, sent at once, would make so many messages. */
  offer(messages: number, now: number): void {
    this.#offered = this.#fade(now) + messages;
    this.#offeredAt = now;
  }

  /** Notes a pass. */
  passed(messages: number, now: number): void {
    this.#lastPass = now;
    this.#lastMessages = messages;
  }

  /** When the next pass may begin: at once while the load is light. */
  next(now: number): number {
    const light = (this.#fade(now) * 1000) / MEMORY <= this.#pace.capacity;
    return light ? now : this.#lastPass + this.#pace.window(this.#lastMessages);
  }

  #fade(now: number): number {
    return this.#offered * Math.exp(Math.min(0, this.#offeredAt - now) / MEMORY);
  }
}
