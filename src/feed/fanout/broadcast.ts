import type { NoRoom } from "../../protocol/codes.ts";
import type { Subscription } from "../../protocol/selection.ts";
import type { Position } from "../../protocol/position.ts";
import type { Feed } from "../state/feed.ts";
import type { Log, LogRecord } from "../state/record.ts";
import { Backlogs } from "./backlog/backlogs.ts";
import { Budget } from "./budget.ts";
import { CatchUp, type CatchUpContext } from "./catch-up/catch-up.ts";
import { EncodedCache } from "./catch-up/encoded-cache.ts";
import { Jobs, type Job } from "./catch-up/jobs.ts";
import { LogMemory } from "./catch-up/log-memory.ts";
import { Reader, type ReaderContext, type ReadListener, type ReadQuery } from "./catch-up/reader.ts";
import { RecentUpdates } from "./catch-up/recent-updates.ts";
import { Snapshots } from "./catch-up/snapshots.ts";
import { Cutter } from "./cutter.ts";
import { FANOUT_LIMITS, type FanoutLimits } from "./fanout-limits.ts";
import type { FlushPolicy } from "./live/flush-schedule.ts";
import { LiveDelivery } from "./live/live-delivery.ts";
import { Selections, type PatternAccount } from "./selections.ts";
import { Subscriber, type Sink } from "./subscriber.ts";

/** A feed in memory, as its subscribers and readers see it. */
export interface ServedFeed {
  readonly feed: Feed;
  readonly broadcast: Broadcast;
}

export interface BroadcastOptions {
  /** The steady clock, in milliseconds. */
  readonly now: () => number;
  /** Asks for a `step`, as soon as possible. */
  readonly wake: () => void;
  /** Notes an error that should not happen: a subscriber could not be served and was closed. */
  readonly failed: (error: unknown) => void;
  readonly limits?: Partial<FanoutLimits>;
  /** The memory that the log as it is read, and what waits for groups, are a part of. */
  readonly budget?: Budget;
}

/** Milliseconds between two steps of searches, in which all others are served. */
const SEARCH_PAUSE = 1;

/**
 * Sends subscribers what a feed commits.
 *
 *     deliver -> subscriber index -> pending (conflation) -> flush schedule -> flush -> outbox    live subscribers
 *     catch-up (resume or snapshot) -> join                                                       all others
 *
 * Only live subscribers get updates from flushes. One that is not at the present, as it has just come or lags, gets a
 * catch-up, which ends with its becoming live. There is no timer here: `step` returns when it must be called again.
 */
export class Broadcast {
  readonly #feed: Feed;
  readonly #options: BroadcastOptions;
  readonly #limits: FanoutLimits;
  readonly #subscribers = new Set<Subscriber>();
  readonly #selections: Selections;
  readonly #backlogs: Backlogs;
  readonly #live: LiveDelivery;
  /** The catch-ups of subscribers, and the reads of HTTP clients: small ones at once, long ones by turns. */
  readonly #jobs: Jobs;
  /** Searches of what is stored. They have turns of their own: however many there are, no other job waits for them. */
  readonly #searches: Jobs;
  readonly #catchUpContext: CatchUpContext;
  readonly #readerContext: ReaderContext;
  readonly snapshots: Snapshots;
  readonly #recent: RecentUpdates;
  /** Cuts values to fields. */
  readonly cutter = new Cutter();
  #work = 0;
  #isEnded = false;

  constructor(feed: Feed, log: Log, policy: FlushPolicy, options: BroadcastOptions) {
    const { budget = new Budget(), failed } = options;
    const limits = { ...FANOUT_LIMITS, ...options.limits };
    this.#feed = feed;
    this.#options = options;
    this.#limits = limits;
    this.#selections = new Selections(limits);
    this.#backlogs = new Backlogs(limits.backlogTotal, () => this.#subscribers.size);
    this.#jobs = new Jobs(limits.stepWork);
    this.#searches = new Jobs(limits.stepWork);
    const { cutter } = this;
    this.snapshots = new Snapshots(feed, limits, cutter);
    this.#recent = new RecentUpdates();
    const context = { feed, log, limits, cutter, snapshots: this.snapshots, recent: this.#recent };
    this.#readerContext = {
      ...context,
      logMemory: new LogMemory(limits.logBytes, budget.log),
      isCommitted: () => this.#live.isComplete,
    };
    this.#live = new LiveDelivery({
      feed,
      policy,
      limits,
      memory: budget.groups,
      backlogs: this.#backlogs,
      cutter,
      catchUp: (subscriber) => this.#catchUp(subscriber),
    });
    this.#catchUpContext = {
      ...context,
      encoded: new EncodedCache(),
      backlogs: this.#backlogs,
      live: this.#live,
      selections: this.#selections,
      drop: (subscriber) => this.#drop(subscriber),
      failed,
    };
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Subscribers that do not take what they are sent. */
  get lagging(): number {
    return this.#jobs.waiting;
  }

  /** Why there is no room for one more subscription; undefined if there is. */
  refusal(account: PatternAccount, subscription: Subscription): NoRoom | undefined {
    return this.#selections.refusal(subscription, account);
  }

  /** The same subscription with the selection object that others hold already, if any do. */
  shared(subscription: Subscription): Subscription {
    return this.#selections.shared(subscription);
  }

  /** Adds a subscriber and begins its catch-up: a short one is sent at once. What the feed shows must be committed. */
  subscribe(sink: Sink, subscription: Subscription, since: Position | undefined): Subscriber {
    const subscriber = new Subscriber(sink, this.shared(subscription), since, "new");
    this.#add(subscriber);
    this.#start(new CatchUp(subscriber, this.#catchUpContext));
    return subscriber;
  }

  /** Adds a subscriber whose connection is open already. What it has missed since `position` comes with the next steps. */
  rejoin(sink: Sink, subscription: Subscription, position: Position): Subscriber {
    const subscriber = new Subscriber(sink, this.shared(subscription), position, "served");
    this.#add(subscriber);
    const isPresent = position.epoch === this.#feed.epoch && position.seq === this.#live.delivered;
    if (isPresent) this.#live.join(subscriber);
    else this.#catchUp(subscriber);
    return subscriber;
  }

  /**
   * Adds a subscriber of a broadcast that has ended: its feed was built anew. It goes on from its position, and the
   * `subscribe` messages that waited there get their answers here. Not amid a snapshot: that has ended too.
   */
  takeOver(before: Subscriber): Subscriber {
    const { sink, subscription, epoch, seq, arrival } = before;
    const position = epoch === undefined ? undefined : { epoch, seq };
    const subscriber = new Subscriber(sink, this.shared(subscription), position, arrival);
    this.#add(subscriber);
    for (const { subscription: wanted, id } of before.resubscribes) {
      const resubscribe = { subscription: this.shared(wanted), id };
      subscriber.resubscribes.push(resubscribe);
      this.#selections.hold(resubscribe.subscription, sink);
    }
    this.#catchUp(subscriber);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    subscriber.gone = true;
    this.#backlogs.forget(subscriber);
    if (subscriber.catchUp) this.#jobs.cancel(subscriber.catchUp);
    this.#live.leave(subscriber);
    this.#selections.release(subscriber.subscription);
    for (const { subscription } of subscriber.resubscribes.splice(0)) this.#selections.release(subscription);
  }

  /**
   * Replaces a subscriber's subscription. It first gets what it lacks of the old selection, then the entries that are new
   * in the new one. Returns why that is refused; after `too_many`, with too many messages waiting, close the connection.
   */
  resubscribe(
    subscriber: Subscriber,
    subscription: Subscription,
    id: number | undefined,
  ): NoRoom | "too_many" | undefined {
    const { resubscribes, sink } = subscriber;
    if (subscriber.gone) return undefined;
    if (resubscribes.length >= this.#limits.resubscribes) return "too_many";
    const refusal = this.refusal(sink, subscription);
    if (refusal) return refusal;
    const resubscribe = { subscription: this.shared(subscription), id };
    resubscribes.push(resubscribe);
    this.#selections.hold(resubscribe.subscription, sink);
    if (!subscriber.catchUp) this.#start(new CatchUp(subscriber, this.#catchUpContext));
    // A server that loses its memory does not know of the message: it must not resume the client as if there were none.
    if (subscriber.catchUp) sink.clearPosition();
    return undefined;
  }

  /** Reads once, at once if it is short and there is time. Everything that the feed shows must be committed. */
  read(account: string, query: ReadQuery, listener: ReadListener): Reader {
    const reader = new Reader(account, this.#readerContext, query, listener);
    this.#start(reader);
    return reader;
  }

  /** Begins a search of what is stored, which takes turns with other searches. */
  search(job: Job): void {
    this.#start(job, this.#searches);
  }

  /** Takes committed records. The next steps send them. */
  deliver(records: readonly LogRecord[], now: number): void {
    this.snapshots.inUse.deliver(records);
    this.#recent.add(records);
    this.#live.deliver(records, now);
  }

  /** Does what is due at `now`, some milliseconds of it. Returns when to be called again; undefined if nothing waits. */
  step(now: number): number | undefined {
    if (this.#isEnded) return undefined;
    this.#backlogs.review(now, (subscriber) => this.#drop(subscriber));
    this.#live.beginFlush(now);
    this.#work = this.#live.sendSlice(now);
    this.#jobs.run(now, () => this.#live.isComplete);
    this.#searches.run(now, () => this.#live.isComplete);
    this.#work += this.#jobs.work + this.#searches.work;
    this.#live.countMemory();
    return this.due(now);
  }

  /** The work of the last step, counted as in work.ts. */
  get work(): number {
    return this.#work;
  }

  /** Encodes a flush if one is due within `early` milliseconds. Steps send it. */
  beginFlush(now: number, early: number): void {
    this.#live.beginFlush(now, early);
  }

  /** Whether a step at `now` would show the feed's present state, so that all of that must be committed before. */
  needsCommit(now: number): boolean {
    return this.#jobs.needsCommit || this.#live.isDue(now);
  }

  /** When to call `step` next; undefined if nothing waits. */
  due(now: number): number | undefined {
    const searches = this.#searches.due(now + SEARCH_PAUSE);
    const next = Math.min(this.#backlogs.due(now), this.#live.due(now), this.#jobs.due(now), searches);
    return next === Infinity ? undefined : next;
  }

  /** Begins a catch-up of every subscriber, with reason `reset`: the feed was reset. */
  announceReset(): void {
    this.#live.reset();
    this.#recent.clear();
    for (const subscriber of this.#subscribers) {
      // Its group is gone.
      subscriber.group = undefined;
      // Nothing that it has missed counts any more.
      subscriber.lagging = false;
      this.#catchUp(subscriber);
    }
  }

  /** Ends all that is under way: the feed is no longer served. Readers that wait get no result. */
  end(): void {
    this.#isEnded = true;
    this.#jobs.end();
    this.#searches.end();
    this.#live.end();
  }

  #add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    this.#selections.hold(subscriber.subscription, subscriber.sink);
  }

  /** Begins a job: as much at once as there is time for. */
  #start(job: Job, jobs = this.#jobs): void {
    if (this.#isEnded) {
      job.end();
      return;
    }
    const now = this.#options.now();
    jobs.start(job, now, this.#live.isComplete);
    if (jobs.isBusy || jobs.due(now) < Infinity || this.#backlogs.due(now) < Infinity) this.#options.wake();
  }

  /** Begins a subscriber's catch-up, unless it has one, when its turn comes. */
  #catchUp(subscriber: Subscriber): void {
    if (this.#isEnded || subscriber.catchUp) return;
    const catchUp = new CatchUp(subscriber, this.#catchUpContext);
    if (subscriber.lagging) this.#jobs.wait(catchUp, this.#options.now());
    else this.#jobs.add(catchUp);
    this.#options.wake();
  }

  #drop(subscriber: Subscriber): void {
    this.unsubscribe(subscriber);
    subscriber.sink.drop();
  }
}
