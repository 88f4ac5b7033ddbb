import { Broadcast } from "../../src/feed/fanout/broadcast.ts";
import { Budget } from "../../src/feed/fanout/budget.ts";
import type { FanoutLimits } from "../../src/feed/fanout/fanout-limits.ts";
import type { FlushPolicy } from "../../src/feed/fanout/live/flush-schedule.ts";
import { Feed } from "../../src/feed/state/feed.ts";
import type { LogRecord } from "../../src/feed/state/record.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { parsePosition } from "../../src/protocol/position.ts";
import type { Update } from "../../src/protocol/update.ts";
import { decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { MemoryLog, RecordingSubscriber, subscriptionOf } from "./recording-subscriber.ts";

/** A feed with its broadcast, a log, and a clock that is stepped by hand: no storage, no sockets, no timers. */
export class FeedFixture {
  now = 1_700_000_000_000;
  log = new MemoryLog();
  feed: Feed;
  broadcast: Broadcast;
  readonly policy: FlushPolicy;
  readonly limits: Partial<FanoutLimits>;
  readonly budget: Budget;
  /** An error that should not happen fails the test. */
  failed = (error: unknown): void => {
    throw error;
  };
  /** When the broadcast wants its next step. */
  due: number | undefined;

  /** With a capacity of 0, everything after the first message is gathered. */
  constructor(policy: Partial<FlushPolicy> = {}, limits: Partial<FanoutLimits> = {}, budget = new Budget()) {
    this.limits = limits;
    this.budget = budget;
    this.policy = { capacity: 0, slice: 1000, group: 1000, window: () => 50, turn: 50, ...policy };
    this.feed = Feed.begin("e1");
    this.broadcast = this.#newBroadcast();
  }

  publish(...updates: Update[]): ReturnType<Feed["accept"]> {
    const decoded = finishSteps(decodeUpdatesInSteps(updates));
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
    this.expire();
    const acceptance = this.feed.accept(decoded.updates, this.now);
    if (acceptance.ok && acceptance.record) this.#keep(acceptance.record);
    return acceptance;
  }

  expire(): void {
    const record = this.feed.expire(this.now);
    if (record) this.#keep(record);
  }

  connect(subscriber: RecordingSubscriber, since?: string): void {
    subscriber.hello = this.feed.seq;
    subscriber.savedPosition = undefined;
    const position = since === undefined ? undefined : parsePosition(since);
    subscriber.log = this.log;
    subscriber.subscriber = this.broadcast.subscribe(subscriber, subscriber.subscription, position);
  }

  disconnect(subscriber: RecordingSubscriber): void {
    if (subscriber.subscriber) this.broadcast.unsubscribe(subscriber.subscriber);
    subscriber.lose();
  }

  step(): void {
    if (this.broadcast.needsCommit(this.now)) this.expire();
    this.due = this.broadcast.step(this.now);
  }

  /** Lets time pass, with a step whenever one is due. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.due !== undefined && this.due <= end) {
      this.now = Math.max(this.now, this.due);
      this.step();
    }
    this.now = end;
    this.expire();
    do this.step();
    while (this.due !== undefined && this.due <= end);
  }

  /** What a loss of memory does: the feed is rebuilt from its records, connected subscribers from their saved positions. */
  rebuild(subscribers: readonly RecordingSubscriber[]): void {
    const feed = Feed.begin(this.feed.epoch);
    feed.apply(this.log.records);
    this.feed = feed;
    this.broadcast = this.#newBroadcast();
    for (const subscriber of subscribers) {
      if (!subscriber.subscriber) continue;
      const { savedPosition } = subscriber;
      if (savedPosition)
        subscriber.subscriber = this.broadcast.rejoin(subscriber, subscriber.subscription, savedPosition);
      else subscriber.lose();
    }
    this.step();
  }

  /** What a replica does that has got the whole state anew: another feed and broadcast, which go on with its subscribers. */
  replace(subscribers: readonly RecordingSubscriber[], epoch = this.feed.epoch): void {
    this.broadcast.end();
    if (epoch !== this.feed.epoch) this.log = new MemoryLog();
    this.feed = Feed.begin(epoch);
    this.feed.apply(this.log.records);
    this.broadcast = this.#newBroadcast();
    for (const subscriber of subscribers) {
      const before = subscriber.subscriber;
      if (!before) continue;
      subscriber.log = this.log;
      if (before.hasPart) subscriber.lose();
      else subscriber.subscriber = this.broadcast.takeOver(before);
    }
    this.step();
  }

  reset(epoch: string): void {
    this.feed.reset(epoch);
    this.log.records.length = 0;
    this.log.start = 0;
    this.broadcast.announceReset();
  }

  entries(): Record<string, JsonObject> {
    const { selection } = subscriptionOf([]);
    return Object.fromEntries([...this.feed.entries.select(selection)].map((e) => [e.key, e.value ?? {}]));
  }

  #keep(record: LogRecord): void {
    this.log.records.push(record);
    this.broadcast.deliver([record], this.now);
    this.step();
  }

  #newBroadcast(): Broadcast {
    const wake = (): void => void (this.due = Math.min(this.due ?? Infinity, this.now));
    return new Broadcast(this.feed, this.log, this.policy, {
      now: () => this.now,
      wake,
      failed: (error) => this.failed(error),
      limits: this.limits,
      budget: this.budget,
    });
  }
}

/** Connects a subscriber that takes nothing of what it is sent. */
export function slowReader(
  fixture: FeedFixture,
  keys: readonly string[] = [],
  account = "somebody",
): RecordingSubscriber {
  const reader = new RecordingSubscriber(keys);
  reader.account = account;
  reader.slow = true;
  fixture.connect(reader);
  fixture.advance(10);
  return reader;
}
