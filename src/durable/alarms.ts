/** The platform refuses times after 2189, and a token may end later. Milliseconds since 1970. */
const LATEST = Date.UTC(2189, 0);
/** Milliseconds that an alarm may be late. One that has not gone off by then is taken to be lost. */
const LATE = 5_000;

/** What of an object's storage an alarm needs. */
export type AlarmStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;

/**
 * An object's one alarm, shared by all who want to be woken. It outlives the object's memory: what is set is what the
 * storage says, and the earliest of all times is kept.
 */
export class Alarm {
  readonly #storage: AlarmStorage;
  readonly #now: () => number;
  /** What is set; Infinity where nothing is. Not known before the storage was asked. */
  #at: number | undefined;
  /** The earliest time that is asked for while the storage is asked. */
  #wanted = Infinity;
  #asking = false;

  /** `now` is the wall clock: the platform goes by it. */
  constructor(storage: AlarmStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Has it go off at `at` or before, in milliseconds since 1970. One that comes too early does no harm. */
  wakeBy(at: number): void {
    this.#wanted = Math.min(this.#wanted, at, LATEST);
    if (this.#at === undefined) this.#ask();
    else this.#set();
  }

  /** To be called when it goes off, before any other time is asked for. */
  wentOff(): void {
    this.#at = Infinity;
  }

  /** To be called when the object is awake in any case: an alarm that should have gone off and has not is set anew. */
  heal(): void {
    if (this.#at === undefined) this.#ask();
    else if (this.#at <= this.#now() - LATE) {
      this.#at = Infinity;
      this.wakeBy(this.#now());
    }
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    void this.#storage
      .getAlarm()
      .then((at) => (this.#at ??= at ?? Infinity))
      // Setting one that is set already does no harm.
      .catch(() => (this.#at ??= Infinity))
      .finally(() => {
        this.#asking = false;
        this.heal();
        this.#set();
      });
  }

  #set(): void {
    const wanted = this.#wanted;
    this.#wanted = Infinity;
    if (wanted === Infinity || (this.#at !== undefined && this.#at <= wanted)) return;
    // The platform drops a time that is no whole number, and one that has just gone off.
    const at = Math.max(Math.ceil(wanted), Math.floor(this.#now()) + 1);
    if (this.#at !== undefined && this.#at <= at) return;
    this.#at = at;
    // It is written with what else is written now; where that fails, the object loses its memory.
    void this.#storage.setAlarm(at).catch(() => (this.#at = undefined));
  }
}

const NAME = "entries end";
/** It has to be found out: nobody has noted it. */
const UNKNOWN = -Infinity;
const NEVER = Infinity;

/**
 * When the feed's entries next need the object: a time before which none of them ends. It is kept beside the feed, so
 * that an alarm that went off for something else need not open the feed. Written when the time comes nearer and once it
 * has come: about as often as the alarm is set for it.
 */
export class ExpiryAlarm {
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
