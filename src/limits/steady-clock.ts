/**
 * Milliseconds that never go backwards: work that is scheduled by it waits as long as it should, even if the machine's clock
 * is set back meanwhile. Not for times that are sent or stored: after such a change it is ahead of the wall clock.
 */
export class SteadyClock {
  readonly #wall: () => number;
  #last = -Infinity;
  /** By how much the wall clock has been set back. */
  #behind = 0;

  /** `wall` is in milliseconds since any moment. */
  constructor(wall: () => number) {
    this.#wall = wall;
  }

  now(): number {
    const wall = this.#wall();
    this.#behind = Math.max(this.#behind, this.#last - wall);
    this.#last = wall + this.#behind;
    return this.#last;
  }
}
