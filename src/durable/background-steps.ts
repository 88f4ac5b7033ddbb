import type { Feed } from "../feed/state/feed.ts";
import type { LogRecord } from "../feed/state/record.ts";
import type { EncodedUpdates } from "../protocol/update.ts";
import type { FeedStore } from "./storage/feed-store.ts";

/** What the steps need of the live feed that they work for. */
export interface StepHost {
  /** The wall clock, in milliseconds since 1970. */
  now(): number;
  /** Adds a record to the next commit. */
  add(record: LogRecord): void;
  commit(): void;
  /** Does a write. If it fails, the object's memory is thrown away. */
  guard(write: () => void): void;
}

/** Entries that are deleted in one step once they have expired: some 5 ms, with all that it takes to tell subscribers. */
const EXPIRED_AT_ONCE = 500;
/** Milliseconds between two steps of a few milliseconds each, in which everything else is served. */
const STEP_PAUSE = 2;

/** A feed's background work, in steps of a few milliseconds: deleting expired entries if they are many, checkpoints. */
export class BackgroundSteps {
  readonly #feed: Feed;
  readonly #store: FeedStore;
  readonly #host: StepHost;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the store is in a step, which may commit before it is over. */
  #isInStore = false;
  #isExpiring = false;
  #isEnded = false;

  constructor(feed: Feed, store: FeedStore, host: StepHost) {
    this.#feed = feed;
    this.#store = store;
    this.#host = host;
  }

  /** Whether more entries have expired than were deleted at once. */
  get isExpiring(): boolean {
    return this.#isExpiring;
  }

  /**
   * Deletes what has expired. If that is very much, it deletes the first part and leaves the rest to steps; but of the keys
   * of `updates`, which are about to be applied, it deletes all that have expired.
   */
  expire(now: number, updates?: EncodedUpdates): void {
    if (!this.#isExpiring) this.#expireSome(now);
    if (this.#isExpiring && updates) this.#add(this.#feed.expireKeys(updates, now));
  }

  /**
   * To be called after each write: updates that come in during a checkpoint must not outrun it, so that it takes a step
   * with each write then. The checkpoint's own last step writes too, and is followed by none.
   */
  keepUp(): void {
    if (this.#store.isBehind && !this.#isInStore) this.#stepStore(this.#host.now());
    this.schedule();
  }

  /** Arms the timer for the next step if there is one to do. */
  schedule(): void {
    if (this.#isEnded || this.#timer !== undefined || !(this.#isExpiring || this.#store.hasWork)) return;
    this.#timer = setTimeout(() => this.#step(), STEP_PAUSE);
  }

  end(): void {
    this.#isEnded = true;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }

  #step(): void {
    this.#timer = undefined;
    const now = this.#host.now();
    if (this.#isExpiring) {
      this.#expireSome(now);
      this.#host.commit();
    }
    if (this.#store.hasWork) this.#stepStore(now);
    this.schedule();
  }

  #expireSome(now: number): void {
    const record = this.#feed.expire(now, EXPIRED_AT_ONCE);
    this.#isExpiring = hasExpired(this.#feed, now);
    this.#add(record);
    if (record && this.#isExpiring) this.schedule();
  }

  #add(record: LogRecord | undefined): void {
    if (record) this.#host.add(record);
  }

  #stepStore(now: number): void {
    this.#isInStore = true;
    this.#host.guard(() => this.#store.step(this.#feed, now, () => this.#host.commit()));
    this.#isInStore = false;
  }
}

/** Whether any entry has expired and is not deleted yet. */
export function hasExpired({ nextExpiry }: Feed, now: number): boolean {
  return nextExpiry !== undefined && nextExpiry <= now;
}
