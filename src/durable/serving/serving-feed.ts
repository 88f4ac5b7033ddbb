import { Broadcast } from "../../feed/fanout/broadcast.ts";
import type { Budget } from "../../feed/fanout/budget.ts";
import type { FlushPolicy } from "../../feed/fanout/live/flush-schedule.ts";
import type { Feed } from "../../feed/state/feed.ts";
import type { Log, LogRecord } from "../../feed/state/record.ts";
import { SendingShare } from "../../limits/sending-share.ts";

/** Up to so many subscribers are sent to before the receipts go out: that takes a millisecond or two. */
const SERVED_AT_ONCE = 64;
/** Milliseconds that a unit of the fan-out's work takes, see its `stepWork`. */
const WORK_TIME = 5 / (1024 * 1024);
/** Milliseconds: a flush that is due so soon after a commit begins with it, and needs no commit of its own. */
const SOON = 5;

/**
 * A feed that this object serves, be it the leader's own or a replica's: the way of committed records to subscribers, and
 * the one place that decides what is sent, and when.
 *
 * 1. `deliver` hands committed records to the fan-out.
 * 2. `flush` sends what is due: at once to few subscribers, else on the flush timer, a slice at a time.
 * 3. `#scheduleFlush` arms that timer, the only one for sending. When it fires, it commits first if the flush would show
 *    something new.
 * 4. `keepTime` does what the timer would, for events that come so fast that it never fires. `share` has what comes in wait.
 */
export abstract class ServingFeed {
  readonly feed: Feed;
  readonly broadcast: Broadcast;
  readonly #steady: () => number;
  readonly #share = new SendingShare();
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, on the steady clock. */
  #flushAt: number | undefined;
  #isEnded = false;

  /** `steady`: milliseconds that never go backwards. */
  constructor(feed: Feed, log: Log, policy: FlushPolicy, steady: () => number, budget: Budget) {
    this.feed = feed;
    this.#steady = steady;
    this.broadcast = new Broadcast(feed, log, policy, {
      now: steady,
      wake: () => this.#scheduleFlush(steady(), steady()),
      failed: logFailure,
      budget,
    });
  }

  /** Makes all that is in memory durable, so that it may be shown. */
  abstract commit(): void;

  /** Hands records that are committed to the fan-out, in the turn in which they were. */
  protected deliver(records: readonly LogRecord[]): void {
    const now = this.#steady();
    this.broadcast.deliver(records, now);
    if (this.broadcast.subscribers <= SERVED_AT_ONCE) this.flush(now);
    else {
      // The receipts go out first, and the fan-out has a turn of its own.
      this.broadcast.beginFlush(now, SOON);
      this.#scheduleFlush(this.broadcast.due(now), now);
    }
  }

  /** To be called at the beginning of each event that is served: sends first if that is late. */
  keepTime(): void {
    if (this.#share.isLate(this.#steady())) this.#onFlushTimer();
  }

  /** Whether work that comes in has to wait until more was sent; `hasLittle`: that of a publisher that does not flood. */
  isOwed(hasLittle?: boolean): boolean {
    return this.#share.isOwed(this.#steady(), hasLittle);
  }

  /** Notes work that came in and was done, in milliseconds. */
  tookIn(work: number): void {
    this.#share.tookIn(work, this.#steady());
  }

  /** Sends what is due, and arms the timer for the rest. */
  flush(now = this.#steady()): void {
    const due = this.broadcast.step(now);
    this.#share.sent(this.broadcast.work * WORK_TIME);
    this.#scheduleFlush(due, now);
  }

  /**
   * Arms the flush timer for `at`; undefined if nothing waits. Both on the steady clock. It is never put off: with a write every
   * few milliseconds it would not fire. If it finds that it is too early, it is armed again.
   */
  #scheduleFlush(at: number | undefined, now: number): void {
    const next = this.#isEnded ? undefined : at;
    this.#share.dueAt(next ?? Infinity, now);
    const isArmed = this.#flushAt !== undefined && next !== undefined && this.#flushAt <= next;
    if (isArmed || next === this.#flushAt) return;
    if (this.#flushTimer !== undefined) clearTimeout(this.#flushTimer);
    this.#flushAt = next;
    if (next !== undefined) this.#flushTimer = setTimeout(() => this.#onFlushTimer(), Math.max(0, next - now));
  }

  #onFlushTimer(): void {
    if (this.#flushTimer !== undefined) clearTimeout(this.#flushTimer);
    this.#flushAt = undefined;
    const now = this.#steady();
    // Not before each slice: batches that have just come in may wait for the rest of their window.
    if (this.broadcast.needsCommit(now)) this.commit();
    this.flush(now);
  }

  /** Stops: nothing is sent any more. */
  end(): void {
    this.#isEnded = true;
    this.#scheduleFlush(undefined, 0);
    this.broadcast.end();
  }
}

/** A subscriber that could not be served was closed, and the operator has to know why. */
function logFailure(error: unknown): void {
  // oxlint-disable-next-line no-console
  console.error("tickertape: a subscriber could not be served", error);
}
