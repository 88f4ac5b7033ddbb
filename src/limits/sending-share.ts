/** Milliseconds of work by which what comes in may be ahead of what goes out, while something is due to go out. */
const AHEAD = 3;
/** The same at most, however long the work was that came in: others wait no longer than that. */
const MOST_AHEAD = 10;
/** Milliseconds that each part of sending counts at least. */
const LEAST = 0.1;
/** Milliseconds for which what goes out may wait for other events, from the first one that finds it due. */
const LATE = 5;

/**
 * The share of an object's thread that belongs to sending, whatever comes in. A timer fires only once all events that wait
 * were served, so that a flood of them would put every flush off. Two rules prevent that, while something is due to be sent:
 *
 * - Work that comes in and sending take turns, by what each of them costs: half of the time is sending's.
 * - An event that finds that sending is late has it go on first.
 *
 * The first counts work, and not time: the platform's clock stands still while code runs. The second looks at the clock between
 * events. Times are milliseconds of the steady clock, work is in milliseconds that it is known to take.
 */
export class SendingShare {
  #due = Infinity;
  /** The work that came in since it is due, less what was sent for it. */
  #ahead = 0;
  /** When an event first found that it was due. */
  #seenAt: number | undefined;

  /** Notes when sending is due. */
  dueAt(due: number, now: number): void {
    this.#due = due;
    if (due <= now) return;
    this.#ahead = 0;
    this.#seenAt = undefined;
  }

  /** Notes that sending did so much work. */
  sent(work: number): void {
    this.#ahead = Math.max(0, this.#ahead - Math.max(work, LEAST));
    this.#seenAt = undefined;
  }

  /** Notes that work came in and was done. */
  tookIn(work: number, now: number): void {
    if (this.#due <= now) this.#ahead = Math.min(MOST_AHEAD, this.#ahead + work);
  }

  /** Whether work that comes in has to wait for sending. Of publishers that have little, more may go ahead. */
  isOwed(now: number, hasLittle = false): boolean {
    return this.#due <= now && (hasLittle ? this.#ahead >= MOST_AHEAD : this.#ahead > AHEAD);
  }

  /** To be asked at the beginning of each event: whether sending has to go on first. */
  isLate(now: number): boolean {
    if (this.#due > now) return false;
    this.#seenAt ??= now;
    return now - this.#seenAt >= LATE;
  }
}
