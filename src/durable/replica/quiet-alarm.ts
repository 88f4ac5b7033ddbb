import { hash32 } from "../../feed/state/hash.ts";
import type { Alarm } from "../serving/alarms.ts";

const NAME = "ask at";

/**
 * When a replica with subscribers next looks whether it has heard of its leader. The time is stored, as the alarm goes off for
 * other things too, and the memory is lost in between. A row for the time and one for the alarm are written each time.
 */
export class QuietAlarm {
  readonly #stored: SyncKvStorage;
  readonly #alarm: Alarm;
  readonly #every: number;
  readonly #phase: number;
  #at: number | undefined;

  /**
   * `every`: milliseconds from one look to the next. All replicas of a feed look at the same time, so that those who ask their leader
   * wake it together; those of another feed look at another time.
   */
  constructor(stored: SyncKvStorage, alarm: Alarm, every: number, feed: string) {
    this.#stored = stored;
    this.#alarm = alarm;
    this.#every = every;
    this.#phase = hash32(feed, 0) % every;
  }

  /** Sees to it that there will be a look. */
  begin(now: number): void {
    this.#at ??= this.#stored.get<number>(NAME);
    if (this.#at === undefined) this.#setAfter(now);
    else this.#alarm.wakeBy(this.#at);
  }

  /** The alarm has gone off. Returns whether it is time for a look. `isNeeded`: whether there will have to be another. */
  wentOff(now: number, isNeeded: boolean): boolean {
    const at = (this.#at ??= this.#stored.get<number>(NAME));
    if (at === undefined) return false;
    if (!isNeeded) {
      this.#stored.delete(NAME);
      this.#at = undefined;
      return false;
    }
    if (at > now) this.#alarm.wakeBy(at);
    else this.#setAfter(now);
    return at <= now;
  }

  #setAfter(now: number): void {
    this.#at = (Math.floor((now - this.#phase) / this.#every) + 1) * this.#every + this.#phase;
    this.#stored.put(NAME, this.#at);
    this.#alarm.wakeBy(this.#at);
  }
}
