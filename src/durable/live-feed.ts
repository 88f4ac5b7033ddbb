import { Budget } from "../feed/fanout/budget.ts";
import type { Feed } from "../feed/state/feed.ts";
import type { RememberedPublish } from "../feed/state/idempotency.ts";
import type { KnownPublishes } from "../feed/state/known-publishes.ts";
import type { LogRecord } from "../feed/state/record.ts";
import { UnfitEntries } from "../feed/state/unfit-entries.ts";
import { BackgroundSteps, hasExpired } from "./background-steps.ts";
import type { PublishOutcome, PublishRequest } from "./requests/publish-queue.ts";
import { unfitSearch } from "./requests/unfit-search.ts";
import type { VetPublish } from "./serving/options.ts";
import type { FeedPolicy } from "./serving/policy.ts";
import { ServingFeed } from "./serving/serving-feed.ts";
import type { FeedStore } from "./storage/feed-store.ts";
import { GroupCommit } from "./storage/group-commit.ts";

/** What a live feed needs of the object that it lives in. */
export interface FeedPlatform {
  /** The wall clock, in milliseconds since 1970: for what is sent, stored or expires at a given time. */
  now(): number;
  /** Milliseconds that never go backwards: for what schedules work. */
  steady(): number;
  /** Has `onAlarm` called at `at`, in milliseconds since 1970; Infinity if no call is needed. */
  wakeBy(at: number): void;
  /** Notes that the feed was opened, and that nothing has changed in it yet. */
  opened?(feed: Feed): void;
  /** Takes records that were committed, for replicas; none and a new epoch after a reset. */
  committed?(records: readonly LogRecord[]): void;
  /** Throws the object's memory away: it is ahead of what is stored. */
  abandon(reason: string): void;
  /** The operator's own rules, if there are any. */
  readonly vet?: VetPublish | undefined;
}

/** Milliseconds after which the alarm resumes background steps that were lost with the memory. */
const LOST_STEPS = 1000;

/** What one accepted batch leaves to write. */
interface Accepted {
  readonly record: LogRecord | undefined;
  readonly remembered: RememberedPublish | undefined;
}

/**
 * A feed at work, as its leader has it. This file is the way of an update until it is committed:
 *
 * 1. `accept` applies a batch to the feed in memory and adds it to the group commit, which gathers batches for a window.
 * 2. `commit`, or the end of the window, writes all of them as one journal row. Then their receipts go out.
 * 3. The committed records are delivered, in the same turn: to the subscribers here (`ServingFeed`) and to replicas.
 *
 * Nothing is shown before it is written: code that shows the feed's state calls `commit` first, and the platform holds back
 * what is sent until the writes before it are durable.
 */
export class LiveFeed extends ServingFeed {
  readonly #store: FeedStore;
  readonly #known: KnownPublishes;
  readonly #platform: FeedPlatform;
  readonly #groupCommit: GroupCommit<Accepted>;
  readonly #steps: BackgroundSteps;
  readonly #unfit: UnfitEntries | undefined;
  #unfitSearch: Promise<void> | undefined;

  /** Opens the stored feed and goes on with what it left undone. `epoch` is for a feed that is not stored. */
  constructor(
    store: FeedStore,
    platform: FeedPlatform,
    policy: Pick<FeedPolicy, "flush" | "commit">,
    epoch: string,
    budget = new Budget(),
  ) {
    const { feed, known } = store.load(platform.now(), epoch);
    super(feed, store, policy.flush, () => platform.steady(), budget);
    this.#store = store;
    this.#known = known;
    this.#platform = platform;
    this.#groupCommit = new GroupCommit(
      (accepted) => this.#write(accepted),
      policy.commit,
      () => platform.steady(),
    );
    this.#steps = new BackgroundSteps(feed, store, {
      now: () => platform.now(),
      // Not awaited: code that shows the result commits first.
      add: (record) => void this.#groupCommit.add({ record, remembered: undefined }).catch(() => {}),
      commit: () => this.#groupCommit.commit(),
      guard: (write) => this.#guard(write),
    });
    this.#unfit = store.check && new UnfitEntries(feed, store.check);
    this.#steps.schedule();
    // The caller deletes what has expired already, when it accepts a batch or commits.
    if (!hasExpired(feed, platform.now())) this.#wakeForExpiry();
  }

  /**
   * Accepts a batch. Resolves when it is committed. Until then no client is shown any of it. `isUrgent`: it is to be committed
   * soon, though others gather.
   */
  async accept({ updates, idempotency, subject }: PublishRequest, isUrgent = false): Promise<PublishOutcome> {
    const now = this.#platform.now();
    const known = idempotency && this.#known.look(idempotency, updates, now);
    if (known && known.kind !== "new") {
      this.commit();
      if (known.kind === "repeat") return { ok: true, receipt: known.receipt, replayed: true };
      const { kind: _, ...refusal } = known;
      return { ok: false, ...refusal };
    }
    const refusal = this.#platform.vet?.(updates, subject);
    if (refusal) return refusal;
    this.#steps.expire(now, updates);
    const acceptance = this.feed.accept(updates, now);
    if (!acceptance.ok) return acceptance;
    const { receipt, record } = acceptance;
    const remembered = known && this.#known.remember(known.publish, now, receipt);
    if (record || remembered) await this.#groupCommit.add({ record, remembered }, isUrgent);
    else this.commit();
    return { ok: true, receipt, replayed: false };
  }

  /** Deletes what has expired and commits all that was accepted: what is in memory may be shown then. */
  override commit(): void {
    this.#steps.expire(this.#platform.now());
    this.#groupCommit.commit();
  }

  /** Writes what a group commit has gathered, and hands it to the fan-out. */
  #write(accepted: readonly Accepted[]): void {
    const records = accepted.flatMap(({ record }) => record ?? []);
    const remembered = accepted.flatMap(({ remembered }) => remembered ?? []);
    this.#guard(() => this.#store.append(this.feed, records, remembered));
    this.#known.single.written(remembered);
    this.#steps.keepUp();
    this.#wakeForExpiry();
    this.deliver(records);
    // A publish that was only remembered is nothing to replicas.
    if (records.length > 0) this.#platform.committed?.(records);
  }

  /** How many entries the feed's check, made stricter since, refuses; undefined if it has none, or nobody has asked yet. */
  get unfit(): number | undefined {
    return this.#unfit?.count;
  }

  /** Looks for them, if that was not done yet. */
  async findUnfit(): Promise<void> {
    const unfit = this.#unfit;
    if (!unfit || unfit.count !== undefined) return;
    this.#unfitSearch ??= new Promise((done) => this.broadcast.search(unfitSearch(unfit, done)));
    await this.#unfitSearch;
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
    this.#platform.committed?.([]);
    this.#steps.schedule();
  }

  /** Commits what was accepted and stops: nothing is sent any more. For a feed that is removed. */
  override end(): void {
    this.#groupCommit.commit();
    this.#steps.end();
    super.end();
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
