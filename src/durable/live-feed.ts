import { Broadcast } from "../feed/fanout/broadcast.ts";
import { Budget } from "../feed/fanout/budget.ts";
import type { Feed } from "../feed/state/feed.ts";
import type { Idempotency, IdempotencyKey, RememberedPublish } from "../feed/state/idempotency.ts";
import type { FlushPolicy } from "../feed/fanout/live/flush-schedule.ts";
import type { LogRecord } from "../feed/state/record.ts";
import type { ProblemCode, UpdateIssue } from "../protocol/codes.ts";
import type { Receipt } from "../protocol/server-messages.ts";
import type { EncodedUpdates } from "../protocol/update.ts";
import type { FeedStore, HistoryPage } from "./storage/feed-store.ts";
import { GroupCommit, type CommitPace } from "./storage/group-commit.ts";
import { Readings, type ReadOutcome, type ReadRequest } from "./reads.ts";
import { Timer } from "./timer.ts";
import { ReadTurns } from "./storage/read-turns.ts";

export interface PublishRequest {
  readonly updates: EncodedUpdates;
  /** The publisher's key for this request, where it gave one. */
  readonly idempotency?: IdempotencyKey | undefined;
}

export type PublishOutcome =
  | { ok: true; receipt: Receipt; replayed: boolean }
  | { ok: false; code: ProblemCode; detail?: string; issues?: UpdateIssue[]; retryAfter?: number };

/** What the object's platform gives: clocks and what must happen when all is lost. */
export interface Platform {
  /** The wall clock, in milliseconds since 1970: for what is told, stored or ends at a given time. */
  now(): number;
  /** Milliseconds that never go backwards: for what steers work. */
  steady(): number;
  /** Sees to it that `onAlarm` is called at `at`, and not before unless it was asked to; Infinity where it need not be. */
  wakeBy(at: number): void;
  /** Throws the object's memory away: it is ahead of what is stored. */
  abandon(reason: string): void;
}

export interface FeedPace {
  readonly send: FlushPolicy;
  readonly commit: CommitPace;
}

/** Subscribers that are sent to before the receipts go out: that takes a millisecond or two. */
const SERVED_AT_ONCE = 64;
/** Milliseconds: a pass that is due so soon after a write begins with it, and need not write what came in between. */
const SOON = 5;
/** Entries that are deleted in one step when their time has come: some 5 ms, with all that it takes to tell of them. */
const EXPIRED_AT_ONCE = 500;
/** Milliseconds between two steps of a few milliseconds each, for everybody else. */
const STEP_PAUSE = 2;
/** Milliseconds after which an alarm looks for steps that a lost memory left undone. */
const LOST_STEPS = 1000;

interface Accepted {
  readonly record: LogRecord | undefined;
  readonly remembered: RememberedPublish | undefined;
}

/**
 * A feed at work: admitted in memory, written, then told. The order never turns: whatever is shown to anyone passes
 * `settle` first, and the platform holds back what is sent until the writes before it are durable.
 */
export class LiveFeed {
  readonly feed: Feed;
  readonly broadcast: Broadcast;
  readonly #store: FeedStore;
  readonly #idempotency: Idempotency;
  readonly #commit: GroupCommit<Accepted>;
  readonly #platform: Platform;
  readonly #flushTimer = new Timer(() => {
    const now = this.#platform.steady();
    // Not at each slice: what has just come may wait for the others of its window.
    if (this.broadcast.needsCommit(now)) this.settle();
    this.flush(now);
  });
  readonly #stepTimer = new Timer(() => this.#step());
  #isStepping = false;
  /** Whether the store is at a step, which may have what waits written before it is over. */
  #isInStore = false;
  /** Whether more has expired than was deleted at once. */
  #isExpiring = false;
  readonly #turns: ReadTurns;
  readonly #budget: Budget;
  #readings: Readings | undefined;
  #isEnded = false;

  /** Opens what is stored; `epoch` is for a feed that is not. */
  constructor(store: FeedStore, platform: Platform, pace: FeedPace, epoch: string, budget = new Budget()) {
    this.#budget = budget;
    this.#turns = new ReadTurns(budget.history);
    const stored = store.load(platform.now(), epoch);
    this.feed = stored.feed;
    this.#idempotency = stored.idempotency;
    this.#store = store;
    this.#platform = platform;
    const wake = (): void => this.#flushAt(platform.steady(), platform.steady());
    const options = { now: () => platform.steady(), wake, failed: logFailure, budget };
    this.broadcast = new Broadcast(this.feed, store, pace.send, options);
    this.#commit = new GroupCommit(
      (accepted) => this.#write(accepted),
      pace.commit,
      () => platform.steady(),
    );
    this.#goOn();
    // What is due already is seen to by whoever opens the feed.
    if (!isDue(this.feed, platform.now())) this.#wakeForExpiry();
  }

  /** Publishes a batch. Resolves when it is written; until then nobody is shown any of it. */
  async publish({ updates, idempotency }: PublishRequest): Promise<PublishOutcome> {
    const now = this.#platform.now();
    const repeat = idempotency && this.#idempotency.find(idempotency, now);
    if (repeat) {
      this.settle();
      return repeat.kind === "repeat"
        ? { ok: true, receipt: repeat.receipt, replayed: true }
        : { ok: false, code: "idempotency_mismatch", detail: "The key was first used with another body." };
    }
    const wait = idempotency ? this.#idempotency.waitForRoom(idempotency.credential, now) : 0;
    if (wait > 0) {
      const detail = "Too many publishes of this credential with an idempotency key are remembered.";
      return { ok: false, code: "overloaded", detail, retryAfter: Math.ceil(wait / 1000) };
    }
    this.#expire(now);
    if (this.#isExpiring) this.#addExpired(this.feed.expireKeys(updates, now));
    const acceptance = this.feed.accept(updates, now);
    if (!acceptance.ok) return acceptance;
    const { receipt, record } = acceptance;
    const remembered = idempotency && this.#idempotency.remember({ ...idempotency, at: now, receipt });
    if (record || remembered) await this.#commit.add({ record, remembered });
    else this.settle();
    return { ok: true, receipt, replayed: false };
  }

  /** Makes what is in memory fit to be shown: deletes what has expired and writes what waits to be written. */
  settle(): void {
    this.#expire(this.#platform.now());
    this.#commit.settle();
  }

  /** Sends what is due and sees to it that the rest is sent in time. */
  flush(now = this.#platform.steady()): void {
    this.#flushAt(this.broadcast.step(now), now);
  }

  #flushAt(next: number | undefined, now: number): void {
    if (next === undefined || this.#isEnded) this.#flushTimer.cancel();
    else this.#flushTimer.set(next, now);
  }

  /** Begins anew under another epoch and tells all subscribers. */
  reset(epoch: string): void {
    this.settle();
    this.feed.reset(epoch);
    this.#guard(() => this.#store.reset(this.feed));
    this.broadcast.announceReset();
    this.#goOn();
  }

  /** Whether more comes in than can be folded away: whoever publishes much has to wait. */
  get isBehind(): boolean {
    return this.#store.isBehind;
  }

  /** What a reader over HTTP asks for, of the feed called `name`; nothing where too much is read already. */
  read(name: string, request: ReadRequest): Promise<ReadOutcome | undefined> {
    this.#readings ??= new Readings(name, this.#budget);
    return this.#readings.read(this, request);
  }

  /** A page of a key's history. Nothing where too many wait for their turn. `owner`: on whose account it is done. */
  history(owner: string, key: string, limit: number, before: number): Promise<HistoryPage | undefined> {
    return this.#turns.take(
      owner,
      this.#store.history(key, limit, before, () => this.#turns.room),
    );
  }

  /**
   * Writes what waits to be written, answers those who wait for something else, and does nothing more: to be called where
   * the feed is removed.
   */
  end(): void {
    this.#isEnded = true;
    this.#commit.settle();
    this.#flushTimer.cancel();
    this.#stepTimer.cancel();
    this.#turns.end();
    this.broadcast.end();
    this.#readings?.end();
  }

  /** To be called when the alarm goes off. */
  onAlarm(): void {
    this.settle();
    this.#wakeForExpiry();
  }

  /** Deletes what has expired; of very much the first part, and the rest by steps. */
  #expire(now: number): void {
    if (!this.#isExpiring) this.#expireSome(now);
  }

  #expireSome(now: number): void {
    const record = this.feed.expire(now, EXPIRED_AT_ONCE);
    this.#isExpiring = isDue(this.feed, now);
    this.#addExpired(record);
    if (record && this.#isExpiring) this.#goOn();
  }

  #addExpired(record: LogRecord | undefined): void {
    // Not awaited: whoever is shown the result settles first.
    if (record) void this.#commit.add({ record, remembered: undefined }).catch(() => {});
  }

  /** One step of what there is to do beside publishing and telling. */
  #step(): void {
    this.#isStepping = false;
    const now = this.#platform.now();
    if (this.#isExpiring) {
      this.#expireSome(now);
      this.#commit.settle();
    }
    if (this.#store.hasWork) this.#stepStore(now);
    this.#goOn();
  }

  #stepStore(now: number): void {
    this.#isInStore = true;
    this.#guard(() => this.#store.step(this.feed, now, () => this.#commit.settle()));
    this.#isInStore = false;
  }

  #goOn(): void {
    if (this.#isEnded || this.#isStepping || (!this.#isExpiring && !this.#store.hasWork)) return;
    this.#isStepping = true;
    const now = this.#platform.steady();
    this.#stepTimer.set(now + STEP_PAUSE, now);
  }

  #write(accepted: readonly Accepted[]): void {
    const records = accepted.flatMap(({ record }) => record ?? []);
    const remembered = accepted.flatMap(({ remembered }) => remembered ?? []);
    const now = this.#platform.now();
    this.#guard(() => this.#store.append(this.feed, records, remembered));
    this.#idempotency.written(remembered);
    // What comes in while a checkpoint is made must not outrun it; whoever publishes much is made to wait besides. What its
    // own last step has written is the end of it.
    if (this.#store.isBehind && !this.#isInStore) this.#stepStore(now);
    this.#goOn();
    this.#tell(records);
  }

  #tell(records: readonly LogRecord[]): void {
    const now = this.#platform.steady();
    this.broadcast.deliver(records, now);
    this.#wakeForExpiry();
    // With many to serve, whoever published gets the receipt first and the fan-out has a turn of its own.
    if (this.broadcast.subscribers <= SERVED_AT_ONCE) this.flush(now);
    else {
      this.broadcast.beginFlush(now, SOON);
      this.#flushAt(this.broadcast.due(now), now);
    }
  }

  #wakeForExpiry(): void {
    const next = this.feed.nextExpiry ?? Infinity;
    // Steps do what is due; the alarm only sees to it that they go on if the memory is lost.
    this.#platform.wakeBy(this.#isExpiring ? Math.max(next, this.#platform.now() + LOST_STEPS) : next);
  }

  /** Memory that is ahead of storage must not be served: the object starts again from what is stored. */
  #guard(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#platform.abandon("a write failed");
      throw error;
    }
  }
}

/** Whoever could not be served was closed, and the operator has to know why. */
function logFailure(error: unknown): void {
  // oxlint-disable-next-line no-console
  console.error("tickertape: a subscriber could not be served", error);
}

function isDue({ nextExpiry }: Feed, now: number): boolean {
  return nextExpiry !== undefined && nextExpiry <= now;
}
