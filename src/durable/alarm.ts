/** The platform refuses times after 2189, and a token may end later. Milliseconds since 1970. */
const LATEST = Date.UTC(2189, 0);

/** An object's one alarm, shared by all who want to be woken. It outlives the object's memory. */
export class Alarm {
  readonly #set: (at: number) => void;
  #at: number | undefined;

  /** `set` sets the platform's alarm, which replaces the one before. Milliseconds since 1970. */
  constructor(set: (at: number) => void) {
    this.#set = set;
  }

  /** Has it go off at `at` or before: one that comes too early does no harm, and leaving it saves a write. */
  wakeBy(at: number): void {
    if (this.#at !== undefined && this.#at <= at) return;
    this.#at = Math.min(at, LATEST);
    this.#set(this.#at);
  }

  /** To be called when it goes off. */
  wentOff(): void {
    this.#at = undefined;
  }
}
