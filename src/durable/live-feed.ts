import { Broadcast } from "../feed/fanout/broadcast.ts";
import { Budget } from "../feed/fanout/budget.ts";
import type { Feed } from "../feed/state/feed.ts";
import type { Idempotency, RememberedPublish } from "../feed/state/idempotency.ts";
import type { FlushPolicy } from "../feed/fanout/live/flush-schedule.ts";
import type { LogRecord } from "../feed/state/record.ts";
import { BackgroundSteps, hasExpired } from "./background-steps.ts";
import type { PublishOutcome, PublishRequest } from "./requests/publish-queue.ts";
import type { FeedStore } from "./storage/feed-store.ts";
import { GroupCommit, type CommitPolicy } from "./storage/group-commit.ts";

/** What a live feed needs of the object that it lives in. */
export interface FeedPlatform {
  /** The wall clock, in milliseconds since 1970: for what is sent, stored or expires at a given time. */
  now(): number;
  /** Milliseconds that never go backwards: for what schedules work. */
  steady(): number;
  /** Has `onAlarm` called at `at`, in milliseconds since 1970; Infinity if no call is needed. */
  wakeBy(at: number): void;
  /** Throws the object's memory away: it is ahead of what is stored. */
  abandon(reason: string): void;
}

export interface FeedPolicy {
  readonly flush: FlushPolicy;
  readonly commit: CommitPolicy;
}

/** The policy that the defaults of a deployment use. */
export const DEFAULT_POLICY: FeedPolicy = {
  flush: {
    // A message to one socket costs some 30 us of CPU, whatever is in it: sending takes three quarters of the time at
    // most while updates go out as they come, and a third while they are gathered.
    capacity: 26_000,
    // Some 3 ms, as the platform sends them.
    slice: 100,
    group: 250,
    window: (waiting) => 20 + waiting * 0.066,
    // As long as the window of a commit, so that each flush begins with one.
    turn: 21,
  },
  commit: { window: 21, enough: 12, burst: 200, worthwhile: 3 },
};

/** Up to so many subscribers are sent to before the receipts go out: that takes a millisecond or two. */
const SERVED_AT_ONCE = 64;
/** Milliseconds: a flush that is due so soon after a commit begins with it, and needs no commit of its own. */
const SOON = 5;
/** Milliseconds after which the alarm resumes background steps that were lost with the memory. */
const LOST_STEPS = 1000;

/** What one accepted batch leaves to write. */
interface Accepted {
  readonly record: LogRecord | undefined;
  readonly remembered: RememberedPublish | undefined;
}

/**
 * A feed at work. This file is the way of an update, and the one place that decides what is sent, and when:
 *
 * 1. `accept` applies a batch to the feed in memory and adds it to the group commit, which gathers batches for a window.
 * 2. `commit`, or the end of the window, writes all of them as one journal row. Then their receipts go out.
 * 3. `#deliver` hands the committed records to the fan-out, in the same turn.
 * 4. `flush` sends what is due: at once to few subscribers, else on the flush timer, a slice at a time.
 * 5. `#scheduleFlush` arms that timer, the only one for sending. When it fires, it commits first if the flush would show
 *    something new.
 *
 * Nothing is shown before it is written: code that shows the feed's state calls `commit` first, and the platform holds back
 * what is sent until the writes before it are durable.
 */
export class LiveFeed {
  readonly feed: Feed;
  readonly broadcast: Broadcast;
  readonly #store: FeedStore;
  readonly #idempotency: Idempotency;
  readonly #platform: FeedPlatform;
  readonly #groupCommit: GroupCommit<Accepted>;
  readonly #steps: BackgroundSteps;
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the steady clock. */
  #flushAt: number | undefined;
  #isEnded = false;

  /** Opens the stored feed and goes on with what it left undone. `epoch` is for a feed that is not stored. */
  constructor(store: FeedStore, platform: FeedPlatform, policy: FeedPolicy, epoch: string, budget = new Budget()) {
    const { feed, idempotency } = store.load(platform.now(), epoch);
    this.feed = feed;
    this.#store = store;
    this.#idempotency = idempotency;
    this.#platform = platform;
    this.#groupCommit = new GroupCommit(
      (accepted) => this.#write(accepted),
      policy.commit,
      () => platform.steady(),
    );
    this.broadcast = new Broadcast(feed, store, policy.flush, {
      now: () => platform.steady(),
      wake: () => this.#scheduleFlush(platform.steady(), platform.steady()),
      // A subscriber that could not be served was closed, and the operator has to know why.
      // oxlint-disable-next-line no-console
      failed: (error) => console.error("tickertape: a subscriber could not be served", error),
      budget,
    });
    this.#steps = new BackgroundSteps(feed, store, {
      now: () => platform.now(),
      // Not awaited: code that shows the result commits first.
      add: (record) => void this.#groupCommit.add({ record, remembered: undefined }).catch(() => {}),
      commit: () => this.#groupCommit.commit(),
      guard: (write) => this.#guard(write),
    });
    this.#steps.schedule();
    // The caller deletes what has expired already, when it accepts a batch or commits.
    if (!hasExpired(feed, platform.now())) this.#wakeForExpiry();
  }

  /** Accepts a batch. Resolves when it is committed. Until then no client is shown any of it. */
  async accept({ updates, idempotency }: PublishRequest): Promise<PublishOutcome> {
    const now = this.#platform.now();
    const repeat = idempotency && this.#idempotency.find(idempotency, now);
    if (repeat) {
      this.commit();
      return repeat.kind === "repeat"
        ? { ok: true, receipt: repeat.receipt, replayed: true }
        : { ok: false, code: "idempotency_mismatch", detail: "The key was first used with another body." };
    }
    const wait = idempotency ? this.#idempotency.waitForRoom(idempotency.credential, now) : 0;
    if (wait > 0) {
      const detail = "Too many publishes of this credential with an idempotency key are remembered.";
      return { ok: false, code: "overloaded", detail, retryAfter: Math.ceil(wait / 1000) };
    }
    this.#steps.expire(now, updates);
    const acceptance = this.feed.accept(updates, now);
    if (!acceptance.ok) return acceptance;
    const { receipt, record } = acceptance;
    const remembered = idempotency && this.#idempotency.remember({ ...idempotency, at: now, receipt });
    if (record || remembered) await this.#groupCommit.add({ record, remembered });
    else this.commit();
    return { ok: true, receipt, replayed: false };
  }

  /** Deletes what has expired and commits all that was accepted: what is in memory may be shown then. */
  commit(): void {
    this.#steps.expire(this.#platform.now());
    this.#groupCommit.commit();
  }

  /** Writes what a group commit has gathered, and hands it to the fan-out. */
  #write(accepted: readonly Accepted[]): void {
    const records = accepted.flatMap(({ record }) => record ?? []);
    const remembered = accepted.flatMap(({ remembered }) => remembered ?? []);
    this.#guard(() => this.#store.append(this.feed, records, remembered));
    this.#idempotency.written(remembered);
    this.#steps.keepUp();
    this.#deliver(records);
  }

  #deliver(records: readonly LogRecord[]): void {
    const now = this.#platform.steady();
    this.broadcast.deliver(records, now);
    this.#wakeForExpiry();
    if (this.broadcast.subscribers <= SERVED_AT_ONCE) this.flush(now);
    else {
      // The receipts go out first, and the fan-out has a turn of its own.
      this.broadcast.beginFlush(now, SOON);
      this.#scheduleFlush(this.broadcast.due(now), now);
    }
  }

  /** Sends what is due, and arms the timer for the rest. */
  flush(now = this.#platform.steady()): void {
    this.#scheduleFlush(this.broadcast.step(now), now);
  }

  /** Arms the flush timer for `at`, sooner or later than before; undefined if nothing waits. Both on the steady clock. */
  #scheduleFlush(at: number | undefined, now: number): void {
    const next = this.#isEnded ? undefined : at;
    if (next === this.#flushAt) return;
    if (this.#flushTimer !== undefined) clearTimeout(this.#flushTimer);
    this.#flushAt = next;
    if (next !== undefined) this.#flushTimer = setTimeout(() => this.#onFlushTimer(), Math.max(0, next - now));
  }

  #onFlushTimer(): void {
    this.#flushAt = undefined;
    const now = this.#platform.steady();
    // Not before each slice: batches that have just come in may wait for the rest of their window.
    if (this.broadcast.needsCommit(now)) this.commit();
    this.flush(now);
  }

  onAlarm(): void {
    this.commit();
    this.#wakeForExpiry();
  }

  /** Removes all entries, begins a new epoch and tells all subscribers. */
  reset(epoch: string): void {
    this.commit();
    this.feed.reset(epoch);
    this.#guard(() => this.#store.reset(this.feed));
    this.broadcast.announceReset();
    this.#steps.schedule();
  }

  /** Commits what was accepted and stops: nothing is sent any more. For a feed that is removed. */
  end(): void {
    this.#isEnded = true;
    this.#groupCommit.commit();
    this.#scheduleFlush(undefined, 0);
    this.#steps.end();
    this.broadcast.end();
  }

  #wakeForExpiry(): void {
    const next = this.feed.nextExpiry ?? Infinity;
    // Steps delete what has expired. The alarm only makes sure that they go on if the memory is lost.
    this.#platform.wakeBy(this.#steps.isExpiring ? Math.max(next, this.#platform.now() + LOST_STEPS) : next);
  }

  /** Memory that is ahead of storage must not be served: after a failed write the object starts again from storage. */
  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#platform.abandon("a write failed");
      throw error;
    }
  }
}
