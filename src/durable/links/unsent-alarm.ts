/** When the leader has to see to its replicas, in the object's key-value storage. */
const NAME = "followers due";
/** When that is, in milliseconds since 1970, and how long it was ahead when it was set. */
interface Due {
  readonly at: number;
  readonly wait: number;
}
/**
 * Milliseconds after which a leader that has lost its memory sees to replicas that may lack something. It takes twice as long
 * each time that one still cannot be reached, as all others sleep.
 */
const [SAFETY, LONGEST] = [15_000, 60 * 60_000];

/**
 * Sees to it that replicas get what is committed even if the memory is lost before they have it: an alarm is set while any of
 * them is behind, in the transaction of the commit. When it goes off, the leader tells its replicas where it is.
 */
export class UnsentAlarm {
  readonly #stored: SyncKvStorage;
  readonly #wakeBy: (at: number) => void;
  /** When it is to go off; undefined if it is not set, or that is not known yet. */
  #at: number | undefined;

  /** `wakeBy` has `wentOff` called at a time, in milliseconds since 1970. */
  constructor(stored: SyncKvStorage, wakeBy: (at: number) => void) {
    this.#stored = stored;
    this.#wakeBy = wakeBy;
  }

  /** To be called once the memory was lost. Returns whether replicas may lack something. */
  resume(): boolean {
    this.#at = this.#due?.at;
    // The alarm may have been lost.
    if (this.#at !== undefined) this.#wakeBy(this.#at);
    return this.#at !== undefined;
  }

  /** Sets it, if it would not go off before that in any case. */
  set(wait = SAFETY): void {
    const at = Date.now() + wait;
    if (this.#at !== undefined && this.#at <= at) return;
    this.#at = at;
    this.#stored.put(NAME, { at, wait } satisfies Due);
    this.#wakeBy(at);
  }

  /**
   * The object's alarm has gone off, for whatever reason. Returns whether replicas are to be seen to, and then is set again.
   * `isFailing`: whether one of them could not be reached.
   */
  wentOff(now: number, isFailing: boolean): boolean {
    const due = this.#due;
    if (!due) return false;
    if (due.at > now) {
      this.#wakeBy(due.at);
      return false;
    }
    this.#at = undefined;
    this.set(isFailing ? Math.min(2 * due.wait, LONGEST) : SAFETY);
    return true;
  }

  /** Replicas lack nothing. */
  clear(): void {
    this.#at = undefined;
    this.#stored.delete(NAME);
  }

  /** Forgets what is in memory. */
  end(): void {
    this.#at = undefined;
  }

  get #due(): Due | undefined {
    return this.#stored.get<Due>(NAME);
  }
}
