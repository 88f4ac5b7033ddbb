/** The platform refuses times after 2189, and a token may end later. Milliseconds since 1970. */
const LATEST = Date.UTC(2189, 0);
/** Milliseconds that an alarm may be late. If it has not gone off by then, it counts as lost. */
const LATE = 5_000;

/** What an alarm needs of the object's storage. */
export type AlarmStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm">;

/** The object's one alarm, set to the earliest time asked for. Storage says which that is: it outlives the memory. */
export class Alarm {
  readonly #storage: AlarmStorage;
  readonly #now: () => number;
  /** The time that is set; Infinity if none is, undefined until the storage has answered. */
  #at: number | undefined;
  /** The earliest time asked for that is not set yet. */
  #wanted = Infinity;
  #asking = false;

  /** `now` is the wall clock: the platform goes by it. */
  constructor(storage: AlarmStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** Has it go off at `at` or before, in milliseconds since 1970. An alarm that comes too early does no harm. */
  wakeBy(at: number): void {
    this.#wanted = Math.min(this.#wanted, at, LATEST);
    if (this.#at === undefined) this.#ask();
    else this.#set();
  }

  /** To be called when it goes off, before another time is asked for. */
  wentOff(): void {
    this.#at = Infinity;
  }

  /** Sets an alarm again that should have gone off and has not. To be called when the object is awake in any case. */
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
      // If one is set already, setting it again does no harm.
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
    // The platform drops a time that is not a whole number, and one that has just gone off.
    const at = Math.max(Math.ceil(wanted), Math.floor(this.#now()) + 1);
    if (this.#at !== undefined && this.#at <= at) return;
    this.#at = at;
    // It is written with everything else that is written now. If that fails, the object loses its memory.
    void this.#storage.setAlarm(at).catch(() => (this.#at = undefined));
  }
}

const NAME = "entries end";
/** No time is noted: the feed has to be opened to find out. */
const UNKNOWN = -Infinity;
const NEVER = Infinity;

/**
 * When the feed's entries next need the object: a time before which none of them expires. It is stored beside the feed, so
 * that an alarm that goes off for something else need not open the feed. It is written when the time comes nearer and once
 * it has come: about as often as the alarm is set for it.
 */
export class ExpiryAlarm {
  readonly #stored: SyncKvStorage;
  readonly #alarm: Alarm;
  /** Whether there is a feed in storage. If not, nothing is noted. */
  readonly #exists: () => boolean;
  #read: number | undefined;

  constructor(stored: SyncKvStorage, alarm: Alarm, exists: () => boolean) {
    this.#stored = stored;
    this.#alarm = alarm;
    this.#exists = exists;
  }

  /** Has the alarm go off at `at`, in milliseconds since 1970; Infinity if no entry expires. */
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

  /** To be called before the feed is opened, which then says when the next of its entries expires. */
  wentOff(): void {
    this.#read = UNKNOWN;
  }

  /** Forgets what is noted: the object's storage was emptied. */
  forget(): void {
    this.#read = undefined;
  }

  /** Asks for the alarm again: it may have been lost, or have gone off for something else. */
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
