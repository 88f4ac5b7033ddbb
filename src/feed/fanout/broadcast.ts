import { LIMITS } from "../../protocol/limits.ts";
import type { Subscription } from "../../protocol/subscription.ts";
import type { Position } from "../../protocol/position.ts";
import { SubscriberIndex, type Group } from "./live/subscriber-index.ts";
import { Backlogs } from "./backlog/backlogs.ts";
import { FANOUT_LIMITS, COST, lengthOf, type FanoutLimits } from "./fanout-limits.ts";
import { Budget, type Share } from "./budget.ts";
import { CatchUp, type CatchUps } from "./catch-up/catch-up.ts";
import { EncodedCache } from "./catch-up/encoded-cache.ts";
import type { Feed } from "../state/feed.ts";
import { Gathered } from "./catch-up/log-memory.ts";
import { Jobs, type Job } from "./catch-up/jobs.ts";
import { SlowConsumers } from "./backlog/slow-consumers.ts";
import { Outbox } from "./live/outbox.ts";
import { messageOwed } from "./live/owed.ts";
import { FlushSchedule, type FlushPolicy } from "./live/flush-schedule.ts";
import { Patterns, type PatternAccount, type PatternRefusal } from "./patterns.ts";
import { Reader, type Answer } from "./catch-up/reader.ts";
import { seqAfter, type Log, type LogRecord } from "../state/record.ts";
import { Selections } from "./selections.ts";
import { Snapshots } from "./catch-up/snapshots.ts";
import { Subscriber, type Sink } from "./subscriber.ts";

export interface BroadcastOptions {
  /** Milliseconds, as they are given to `flush`. */
  readonly now: () => number;
  /** Asks for a flush, as soon as may be. */
  readonly wake: () => void;
  /** Notes what should not have happened: a connection that could not be served, and was closed. */
  readonly failed: (error: unknown) => void;
  readonly bounds?: Partial<FanoutLimits>;
  /** What the log as it is read, and what waits for groups, take their room from. */
  readonly budget?: Budget;
}

/**
 * Fans a feed's durable records out: as they come while the load is light, else gathered into passes. Whoever is not at
 * the present is brought there by a job. Owns no timer: `flush` says when it wants to be called again.
 */
export class Broadcast {
  readonly #feed: Feed;
  readonly #pace: FlushPolicy;
  readonly #bounds: FanoutLimits;
  /** What waits for groups. */
  readonly #groups: Share;
  readonly #now: () => number;
  readonly #wake: () => void;
  readonly #clock: FlushSchedule;
  readonly #subscribers = new Set<Subscriber>();
  readonly #catchUpOf = new Map<Subscriber, CatchUp>();
  readonly #catchUps: CatchUps;
  readonly #jobs: Jobs;
  readonly #backlogs: Backlogs;
  readonly #laggards: SlowConsumers;
  readonly #outbox = new Outbox();
  readonly snapshots: Snapshots;
  #audience: SubscriberIndex<Subscriber>;
  /** Of those who are in no group, and what any have asked for. */
  #selections: Selections;
  /** Groups that may be owed something. */
  readonly #dirty = new Set<Group<Subscriber>>();
  /** The feed's seq up to which everything is durable and was delivered here. */
  #delivered: number;
  #isEnded = false;

  constructor(feed: Feed, log: Log, pace: FlushPolicy, { now, wake, failed, bounds = {}, budget }: BroadcastOptions) {
    const { log: logShare, groups } = budget ?? new Budget();
    this.#groups = groups;
    this.#feed = feed;
    this.#pace = pace;
    this.#bounds = { ...FANOUT_LIMITS, ...bounds };
    this.#now = now;
    this.#wake = wake;
    this.#clock = new FlushSchedule(pace);
    const patterns = new Patterns();
    this.#audience = new SubscriberIndex(pace.group, patterns);
    this.#selections = new Selections(patterns);
    this.#jobs = new Jobs(this.#bounds.stepWork);
    this.#backlogs = new Backlogs(this.#bounds.backlogTotal, () => this.#subscribers.size);
    this.#laggards = new SlowConsumers(this.#backlogs, this.#bounds.backlogHigh);
    this.snapshots = new Snapshots(feed, this.#bounds);
    this.#delivered = feed.seq;
    this.#catchUps = {
      feed,
      log,
      bounds: this.#bounds,
      encoded: new EncodedCache(),
      snapshots: this.snapshots,
      backlogs: this.#backlogs,
      gathered: new Gathered(this.#bounds.gathered, logShare),
      join: (subscriber) => this.#join(subscriber),
      leave: (subscriber) => this.#leave(subscriber),
      done: (subscriber) => void this.#catchUpOf.delete(subscriber),
      answered: (subscription) => this.#selections.release(subscription),
      drop: (subscriber) => this.#drop(subscriber),
      failed,
    };
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Subscribers that do not take what they are sent. */
  get lagging(): number {
    return this.#laggards.size + this.#jobs.waiting;
  }

  /** Why one more who wants this cannot be taken; nothing where it can. */
  refusal(account: PatternAccount, subscription: Subscription): PatternRefusal | undefined {
    return this.#audience.refusal(account, subscription, this.#bounds);
  }

  /** The same, with the selection that others have too where there are any: it is kept once. */
  shared(subscription: Subscription): Subscription {
    return this.#audience.shared(this.#selections.shared(subscription));
  }

  /**
   * Adds a subscriber and brings it from `since` to the present: by what it missed, or by a snapshot. At once, unless
   * that is long or there is much to do. The feed has to be fit to be shown.
   */
  subscribe(sink: Sink, subscription: Subscription, since: Position | undefined): Subscriber {
    const subscriber = new Subscriber(sink, this.shared(subscription), since, "new");
    this.#add(subscriber);
    this.#catchUp(subscriber);
    return subscriber;
  }

  /**
   * Adds a subscriber that is connected already and was last told `told`. What it has missed since then, if anything,
   * comes with the next flushes.
   */
  rejoin(sink: Sink, subscription: Subscription, told: Position): Subscriber {
    const subscriber = new Subscriber(sink, this.shared(subscription), told, "back");
    this.#add(subscriber);
    if (told.epoch === this.#feed.epoch && told.seq === this.#delivered) this.#join(subscriber);
    else this.#queueCatchUp(subscriber);
    return subscriber;
  }

  #add(subscriber: Subscriber): void {
    this.#subscribers.add(subscriber);
    this.#selections.hold(subscriber.subscription, subscriber.sink);
  }

  unsubscribe(subscriber: Subscriber): void {
    if (!this.#subscribers.delete(subscriber)) return;
    subscriber.gone = true;
    this.#backlogs.forget(subscriber);
    this.#endCatchUp(subscriber);
    this.#leave(subscriber);
    this.#selections.release(subscriber.subscription);
    for (const { subscription } of subscriber.asked.splice(0)) this.#selections.release(subscription);
  }

  /**
   * Replaces what a subscriber wants. It first gets what its old selection still owes it, then the entries that are
   * selected now and were not before. One who has asked for too much already is to be closed.
   */
  resubscribe(
    subscriber: Subscriber,
    subscription: Subscription,
    id: number | undefined,
  ): PatternRefusal | "too_many" | undefined {
    const { asked, sink } = subscriber;
    if (subscriber.gone) return undefined;
    if (asked.length >= this.#bounds.asked) return "too_many";
    const refusal = this.refusal(sink, subscription);
    if (refusal) return refusal;
    const ask = { subscription: this.shared(subscription), id };
    asked.push(ask);
    this.#selections.hold(ask.subscription, sink);
    this.#catchUp(subscriber);
    // Whoever loses its memory would not know of the message: it must not go on as if there had been none.
    if (this.#catchUpOf.has(subscriber)) sink.send([], undefined);
    return undefined;
  }

  /** Reads once, at once unless that is long or there is much to do. The feed has to be fit to be shown. */
  read(
    account: string,
    asked: { readonly subscription: Subscription; readonly since: Position | undefined },
    answer: Answer,
  ): Reader {
    const reader = new Reader(account, this.#catchUps, asked, answer);
    this.#begin(reader);
    return reader;
  }

  /** Ends all that is under way: whoever waits for an answer is told that there is none. The feed is served no longer. */
  end(): void {
    this.#isEnded = true;
    this.#outbox.clear();
    this.#dirty.clear();
    this.#laggards.clear();
    this.#jobs.end();
    this.#catchUpOf.clear();
    this.#groups.set(0);
  }

  #begin(job: Job): void {
    if (this.#isEnded) {
      job.end();
      return;
    }
    const now = this.#now();
    this.#jobs.start(job, now, this.#feed.seq === this.#delivered);
    if (this.#jobs.isTired || this.#jobs.due(now) !== undefined || this.#backlogs.due(now) !== undefined) this.#wake();
  }

  /** Takes records that are durable. They are sent by the next flushes. */
  deliver(records: readonly LogRecord[], now: number): void {
    const concerned = new Set<Group<Subscriber>>();
    const room = { left: this.#bounds.composed };
    let adds = 0;
    for (const record of records) {
      this.#delivered = seqAfter(record);
      for (const accepted of record.updates) {
        if (this.snapshots.size > 0) this.snapshots.note(accepted);
        if (adds > this.#bounds.adds) continue;
        for (const group of this.#audience.deliver(accepted, room)) {
          concerned.add(group);
          if (++adds > this.#bounds.adds) break;
        }
      }
    }
    this.snapshots.makeRoom();
    if (adds > this.#bounds.adds) for (const group of this.#audience.groups) this.#readAgain(group, concerned);
    let messages = 0;
    for (const group of concerned) {
      // Whom `hz` makes wait is not served at once in any case.
      if (group.notBefore <= now) messages += group.members.size;
      this.#dirty.add(group);
      if (!group.pending.isWhole || group.pending.size > LIMITS.pendingUpdates) this.#readAgain(group, concerned);
    }
    const { bytes } = this.#audience.held;
    if (bytes > this.#bounds.pendingBytes || !this.#groups.set(bytes)) this.#shed(concerned);
    if (messages > 0) this.#clock.offer(messages, now);
  }

  /** Sends what is due at `now`, one step of it, and returns when to go on; nothing where nothing waits. */
  step(now: number): number | undefined {
    if (this.#isEnded) return undefined;
    const drop = (subscriber: Subscriber): void => this.#drop(subscriber);
    this.#backlogs.review(now, drop);
    this.#laggards.review(now, (subscriber) => this.#queueCatchUp(subscriber), drop);
    this.beginFlush(now);
    this.#sendSlice(now);
    this.#jobs.run(now, () => this.#feed.seq === this.#delivered);
    this.#groups.set(this.#audience.held.bytes);
    return this.due(now);
  }

  /** Begins a pass if one is due within `early` milliseconds: encodes it. Flushes send it. */
  beginFlush(now: number, early = 0): void {
    if (this.#outbox.isEmpty && this.#clock.next(now) <= now + early) this.#encodeFlush(now);
  }

  /** Whether a flush at `now` would tell anyone anything new, so that the feed has to be fit to be shown. */
  needsCommit(now: number): boolean {
    if (this.#jobs.shows) return true;
    return this.#outbox.isEmpty && this.#dirty.size > 0 && this.#clock.next(now) <= now;
  }

  /** When to flush next; nothing where nothing waits. */
  due(now: number): number | undefined {
    if (!this.#outbox.isEmpty) return now;
    let next = this.#laggards.size > 0 ? now + LIMITS.lagReview : Infinity;
    next = Math.min(next, this.#backlogs.due(now) ?? Infinity, this.#jobs.due(now) ?? Infinity);
    const pass = this.#clock.next(now);
    for (const group of this.#dirty) next = Math.min(next, Math.max(pass, group.notBefore));
    return next === Infinity ? undefined : next;
  }

  /** Tells every subscriber that the feed has begun anew: what it had is gone. */
  announceReset(): void {
    this.#outbox.clear();
    this.#dirty.clear();
    this.#laggards.clear();
    this.#delivered = this.#feed.seq;
    // None stays: all have to be told first.
    const patterns = new Patterns();
    this.#audience = new SubscriberIndex(this.#pace.group, patterns);
    this.#selections = new Selections(patterns);
    for (const subscriber of this.#subscribers) {
      subscriber.group = undefined;
      const { sink, subscription, asked } = subscriber;
      for (const held of [subscription, ...asked.map(({ subscription }) => subscription)])
        this.#selections.hold(held, sink);
      this.#queueCatchUp(subscriber);
    }
  }

  /** Brings a subscriber to the present, at once if there is time for it. */
  #catchUp(subscriber: Subscriber): void {
    if (this.#catchUpOf.has(subscriber)) return;
    const job = this.#newCatchUp(subscriber);
    this.#begin(job);
  }

  #queueCatchUp(subscriber: Subscriber): void {
    if (this.#isEnded || this.#catchUpOf.has(subscriber)) return;
    this.#jobs.add(this.#newCatchUp(subscriber));
    this.#wake();
  }

  #newCatchUp(subscriber: Subscriber): CatchUp {
    const job = new CatchUp(subscriber, this.#catchUps);
    this.#catchUpOf.set(subscriber, job);
    return job;
  }

  #endCatchUp(subscriber: Subscriber): void {
    const job = this.#catchUpOf.get(subscriber);
    if (!job) return;
    this.#catchUpOf.delete(subscriber);
    this.#jobs.remove(job);
    job.end();
  }

  /** Adds one who has everything to those who get what happens. */
  #join(subscriber: Subscriber): void {
    const group = this.#audience.group(subscriber.subscription, this.#delivered, subscriber.sink);
    subscriber.group = group;
    subscriber.clearTo = this.#delivered;
    subscriber.waitedBefore = group.pending.added;
    subscriber.arrival = "here";
    this.#audience.join(subscriber, group);
    // Its group has it from now on.
    this.#selections.release(subscriber.subscription);
  }

  #leave(subscriber: Subscriber): void {
    this.#laggards.forget(subscriber);
    const { group } = subscriber;
    if (!group) return;
    subscriber.group = undefined;
    this.#selections.hold(subscriber.subscription, subscriber.sink);
    this.#audience.leave(subscriber, group);
    if (group.members.size === 0) this.#dirty.delete(group);
  }

  #drop(subscriber: Subscriber): void {
    this.unsubscribe(subscriber);
    subscriber.sink.drop();
  }

  /** What waits for a group is too much to keep: its members are served from the entries or the log instead. */
  #readAgain(group: Group<Subscriber>, concerned: Set<Group<Subscriber>>): void {
    group.pending.clear();
    group.since = this.#delivered;
    this.#dirty.add(group);
    concerned.add(group);
  }

  /** Frees half of what waits for all groups, or more where there is no room for as much, the longest first. */
  #shed(concerned: Set<Group<Subscriber>>): void {
    const waiting = [...this.#dirty].toSorted((a, b) => b.pending.bytes - a.pending.bytes);
    for (const group of waiting) {
      const { bytes } = this.#audience.held;
      if (bytes * 2 <= this.#bounds.pendingBytes && this.#groups.set(bytes)) return;
      this.#readAgain(group, concerned);
    }
    this.#groups.set(this.#audience.held.bytes);
  }

  #sendSlice(now: number): void {
    this.#outbox.sendSlice(this.#pace.slice, ({ subscriber, messages, seq }) => {
      if (this.#laggards.catch(subscriber, lengthOf(messages), now)) return;
      subscriber.reaches({ epoch: this.#feed.epoch, seq });
      subscriber.sink.send(messages, subscriber.asked.length > 0 ? undefined : seq);
      this.#backlogs.look(subscriber, now);
    });
  }

  /** Encodes what due groups are owed, those first that have waited longest, and puts it into the outbox. */
  #encodeFlush(now: number): void {
    const due = [...this.#dirty].filter(({ notBefore }) => notBefore <= now);
    let waiting = 0;
    for (const { members } of due) waiting += members.size;
    const quota = this.#clock.quota(waiting, now);
    let messages = 0;
    let work = 0;
    const room = { left: this.#bounds.stepWork };
    for (const group of due) {
      // As near to the quota as whole groups come, and one at least.
      if (messages > 0 && messages + group.members.size / 2 > quota) break;
      // What is left waits longest of all from now on.
      if (work > this.#bounds.stepWork || room.left < 0) break;
      this.#dirty.delete(group);
      work += COST.look + group.pending.bytes;
      messages += this.#addToOutbox(group, room);
      const { hz } = group.subscription;
      if (hz !== undefined) group.notBefore = now + 1000 / hz;
    }
    if (messages > 0) this.#clock.passed(messages, waiting, now);
  }

  /** `room`: what may still be encoded in this pass, in characters. */
  #addToOutbox(group: Group<Subscriber>, room: { left: number }): number {
    const { seq } = this.#feed;
    let count = 0;
    const behind: Subscriber[] = [];
    // Members stand at few different seqs, most often at one; what is owed from each is encoded once.
    const owedFrom = new Map<number, readonly string[]>();
    for (const subscriber of group.members) {
      // Those who lag are not waited for, and not encoded for either.
      if (this.#laggards.has(subscriber)) continue;
      if (subscriber.clearTo < group.since) {
        behind.push(subscriber);
        continue;
      }
      const { seq: from } = subscriber;
      let messages = owedFrom.get(from);
      if (!messages) {
        // A pass is held in memory until it is sent. Where they stand at many seqs, the rest is served one by one.
        if (room.left < 0 && owedFrom.size > 0) {
          behind.push(subscriber);
          continue;
        }
        const owed = messageOwed(this.#feed, group, subscriber);
        messages = owed === undefined ? [] : [owed];
        room.left -= lengthOf(messages);
        owedFrom.set(from, messages);
      }
      subscriber.waitedBefore = 0;
      if (messages.length === 0) {
        subscriber.clearTo = seq;
        continue;
      }
      this.#outbox.add({ subscriber, group, from, seq, messages });
      count++;
    }
    group.pending.clear();
    group.since = seq;
    for (const subscriber of behind) this.#queueCatchUp(subscriber);
    return count;
  }
}
