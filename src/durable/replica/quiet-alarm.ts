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
  #at: number | undefined;

  /** `every`: milliseconds from one look to the next. */
  constructor(stored: SyncKvStorage, alarm: Alarm, every: number) {
    this.#stored = stored;
    this.#alarm = alarm;
    this.#every = every;
  }

  /** Sees to it that there will be a look. */
  begin(now: number): void {
    this.#at ??= this.#stored.get<number>(NAME);
    if (this.#at === undefined) this.#set(now + this.#every);
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
    else this.#set(now + this.#every);
    return at <= now;
  }

  #set(at: number): void {
    this.#at = at;
    this.#stored.put(NAME, at);
    this.#alarm.wakeBy(at);
  }
}
