import type { Alarm } from "./alarm.ts";

const NAME = "entries end";
/** It has to be found out: nobody has noted it. */
const UNKNOWN = -Infinity;
const NEVER = Infinity;

/**
 * When the feed's entries next need the object: a time before which none of them ends. It is kept beside the feed, so
 * that an alarm that went off for something else need not open the feed. Written when the time comes nearer and once it
 * has come: about as often as the alarm is set for it.
 */
export class EntriesAlarm {
  readonly #stored: SyncKvStorage;
  readonly #alarm: Alarm;
  /** Whether there is a feed in storage: of another one nothing is noted. */
  readonly #exists: () => boolean;
  #read: number | undefined;

  constructor(stored: SyncKvStorage, alarm: Alarm, exists: () => boolean) {
    this.#stored = stored;
    this.#alarm = alarm;
    this.#exists = exists;
  }

  /** Has the alarm go off at `at`, in milliseconds since 1970; at Infinity where no entry ends. */
  wakeBy(at: number): void {
    if (this.#exists() && (at < this.#at || this.#at === UNKNOWN)) {
      this.#stored.put(NAME, at);
      this.#read = at;
    }
    this.#wake(at);
  }

  /** Whether the feed has to be opened for its entries. */
  isDue(now: number): boolean {
    return this.#at <= now;
  }

  /** To be called when the feed is about to be looked at, which says when the next of its entries ends. */
  wentOff(): void {
    this.#read = UNKNOWN;
  }

  /** Sees to it that the alarm is set, which is one for all. */
  heal(): void {
    this.#wake(this.#at);
  }

  get #at(): number {
    if (this.#read === undefined && !this.#exists()) return NEVER;
    return (this.#read ??= this.#stored.get<number>(NAME) ?? UNKNOWN);
  }

  #wake(at: number): void {
    if (Number.isFinite(at)) this.#alarm.wakeBy(at);
  }
}
