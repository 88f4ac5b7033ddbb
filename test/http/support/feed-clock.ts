import { vi } from "vitest";

/** Far ahead of any real time: alarms that the feeds set go off when the test says so, and never by themselves. */
const BEGINNING = Date.UTC(2090, 0);

/**
 * The time that the Worker and its objects see: it runs as time does, and can be moved on. The real one comes back with
 * `restore`. Milliseconds.
 */
export class FeedClock {
  /** How far it was moved on: what a model goes by that must not depend on how fast a test runs. */
  moved = 0;
  readonly #spy = vi.spyOn(Date, "now");

  constructor() {
    const began = performance.now();
    this.#spy.mockImplementation(() => BEGINNING + this.moved + Math.floor(performance.now() - began));
  }

  advance(ms: number): void {
    this.moved += ms;
  }

  restore(): void {
    this.#spy.mockRestore();
  }
}
