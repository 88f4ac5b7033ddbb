/** Milliseconds without a subscriber after which a replica stops following. */
const LEAVE_AFTER = 60_000;

/** Whether a replica still has to follow its leader: asked with each push, it needs no timer. */
export class Leaving {
  /** Since when nobody has needed it, on the steady clock; undefined while somebody does. */
  #emptySince: number | undefined;

  /** `isNeeded`: whether there is a subscriber, or one that is to come. `hasFeed`: whether the memory has the feed. */
  isDue(isNeeded: boolean, hasFeed: boolean, now: number): boolean {
    if (isNeeded) {
      this.#emptySince = undefined;
      return false;
    }
    this.#emptySince ??= now;
    // One that has slept without a subscriber would have to ask for the whole state, and for nobody.
    return !hasFeed || now - this.#emptySince >= LEAVE_AFTER;
  }
}
