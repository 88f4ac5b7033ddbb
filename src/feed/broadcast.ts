import { LIMITS } from "../protocol/limits.ts";
import type { Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { selects } from "../protocol/selection.ts";
import { Audience, type Group } from "./audience.ts";
import { EncodedCache } from "./encoded-cache.ts";
import type { Feed } from "./feed.ts";
import { Laggards } from "./laggards.ts";
import { Outbox } from "./outbox.ts";
import { encodeCatchUp, encodeSnapshot, messagesOwed } from "./owed.ts";
import { PassClock, type Pace } from "./pace.ts";
import type { Log, LogRecord } from "./record.ts";
import { resume } from "./resume.ts";
import { snapshotMessages } from "./snapshot.ts";
import { Subscriber, type Sink } from "./subscriber.ts";

/**
 * Fans a feed's durable records out: as they come while the load is light, else gathered into passes. Owns no timer:
 * `flush` says when it wants to be called again.
 */
export class Broadcast {
  readonly #feed: Feed;
  readonly #log: Log;
  readonly #pace: Pace;
  readonly #clock: PassClock;
  readonly #audience: Audience<Subscriber>;
  /** Groups that may be owed something. */
  readonly #dirty = new Set<Group<Subscriber>>();
  readonly #outbox = new Outbox();
  readonly #laggards = new Laggards();
  readonly #encoded = new EncodedCache();

  constructor(feed: Feed, log: Log, pace: Pace) {
    this.#feed = feed;
    this.#log = log;
    this.#pace = pace;
    this.#clock = new PassClock(pace);
    this.#audience = new Audience(pace.group);
  }

  get subscribers(): number {
    return this.#audience.size;
  }

  /** Subscribers that do not take what they are sent. */
  get lagging(): number {
    return this.#laggards.size;
  }

  /** Adds a subscriber and brings it from `since` to the present: by what it missed, or by a snapshot. */
  subscribe(sink: Sink, subscription: Subscription, since: Position | undefined): Subscriber {
    const subscriber = this.#join(sink, subscription, this.#feed.seq);
    const key = `${since?.epoch ?? ""}:${since?.seq ?? ""}|${subscription.mode}|${subscription.selection.id}`;
    const messages = this.#encoded.get(key, this.#feed.position, () =>
      encodeCatchUp(this.#feed, subscription, resume(this.#feed, this.#log, subscription, since)),
    );
    this.#send(subscriber, messages);
    return subscriber;
  }

  /**
   * Adds a subscriber that is connected already and was last told `told`. What it has missed since then, if
   * anything, comes with the next flush; only a feed that began anew is told at once.
   */
  rejoin(sink: Sink, subscription: Subscription, told: Position): Subscriber {
    const subscriber = this.#join(sink, subscription, told.seq);
    if (told.epoch !== this.#feed.epoch || told.seq > this.#feed.seq) {
      this.#send(subscriber, encodeSnapshot(this.#feed, subscription, "epoch_changed"));
    } else if (told.seq < this.#feed.seq) this.#dirty.add(subscriber.group);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#laggards.forget(subscriber);
    this.#audience.leave(subscriber, subscriber.group);
    if (subscriber.group.members.size === 0) this.#dirty.delete(subscriber.group);
  }

  /**
   * Replaces what a subscriber wants. It first gets what its old selection still owes it, then the entries that are
   * selected now and were not before.
   */
  resubscribe(subscriber: Subscriber, subscription: Subscription, id: number | undefined): void {
    this.#bringUpToDate(subscriber);
    const before = subscriber.group.subscription.selection;
    this.unsubscribe(subscriber);
    this.#enter(subscriber, this.#audience.group(subscription, this.#feed.seq));
    const { selection } = subscription;
    const except = (key: string): boolean => selects(before, key);
    this.#send(subscriber, snapshotMessages(this.#feed, { selection, reason: "subscribe", id, except }));
  }

  /** Takes records that are durable. They are sent by the next flushes. */
  deliver(records: readonly LogRecord[], now: number): void {
    const concerned = new Set<Group<Subscriber>>();
    for (const { updates } of records) {
      for (const accepted of updates) for (const group of this.#audience.deliver(accepted)) concerned.add(group);
    }
    let messages = 0;
    for (const group of concerned) {
      // Whom `hz` makes wait is not served at once in any case.
      if (group.notBefore <= now) messages += group.members.size;
      this.#dirty.add(group);
      if (group.pending.size <= LIMITS.pendingUpdates) continue;
      // Too much to keep waiting in memory: the members will be served from the log instead.
      group.pending.clear();
      group.since = this.#feed.seq;
    }
    if (messages > 0) this.#clock.offer(messages, now);
  }

  /** Sends what is due at `now`, one slice of it, and returns when to go on; nothing where nothing waits. */
  flush(now: number): number | undefined {
    this.#laggards.review(
      now,
      (subscriber) => this.#bringUpToDate(subscriber),
      (subscriber) => {
        this.unsubscribe(subscriber);
        subscriber.sink.drop();
      },
    );
    this.gather(now);
    this.#outbox.sendSlice(this.#pace.slice, ({ subscriber, messages, seq }) => {
      if (this.#laggards.catch(subscriber, now)) return;
      subscriber.seq = seq;
      subscriber.sink.send(messages, seq);
    });
    return this.due(now);
  }

  /** Begins a pass if one is due within `early` milliseconds: encodes it. Flushes send it. */
  gather(now: number, early = 0): void {
    if (this.#outbox.isEmpty && this.#clock.next(now) <= now + early) this.#beginPass(now);
  }

  /** Whether a flush at `now` would tell anyone anything new, so that the feed has to be fit to be shown. */
  tells(now: number): boolean {
    if (this.#laggards.isToReview(now)) return true;
    return this.#outbox.isEmpty && this.#dirty.size > 0 && this.#clock.next(now) <= now;
  }

  /** When to flush next; nothing where nothing waits. */
  due(now: number): number | undefined {
    if (!this.#outbox.isEmpty) return now;
    let next = this.#laggards.size > 0 ? now + LIMITS.lagReview : Infinity;
    const pass = this.#clock.next(now);
    for (const group of this.#dirty) next = Math.min(next, Math.max(pass, group.notBefore));
    return next === Infinity ? undefined : next;
  }

  /** Tells every subscriber that the feed has begun anew: what it had is gone. */
  announceReset(): void {
    this.#outbox.clear();
    for (const group of this.#audience.groups) {
      group.pending.clear();
      group.since = this.#feed.seq;
      const messages = encodeSnapshot(this.#feed, group.subscription, "reset");
      for (const member of group.members) {
        member.waitedBefore = 0;
        this.#send(member, messages);
      }
    }
    this.#dirty.clear();
  }

  #join(sink: Sink, subscription: Subscription, seq: number): Subscriber {
    const group = this.#audience.group(subscription, this.#feed.seq);
    const subscriber = new Subscriber(sink, group, seq);
    this.#enter(subscriber, group);
    return subscriber;
  }

  #enter(subscriber: Subscriber, group: Group<Subscriber>): void {
    subscriber.group = group;
    subscriber.waitedBefore = group.pending.added;
    this.#audience.join(subscriber, group);
  }

  /** Encodes what due groups are owed, those first that have waited longest, and puts it into the outbox. */
  #beginPass(now: number): void {
    const due = [...this.#dirty].filter(({ notBefore }) => notBefore <= now);
    let waiting = 0;
    for (const { members } of due) waiting += members.size;
    const quota = this.#clock.quota(waiting, now);
    let messages = 0;
    for (const group of due) {
      // As near to the quota as whole groups come, and one at least.
      if (messages > 0 && messages + group.members.size / 2 > quota) break;
      this.#dirty.delete(group);
      messages += this.#addToOutbox(group);
      const { hz } = group.subscription;
      if (hz !== undefined) group.notBefore = now + 1000 / hz;
    }
    if (messages > 0) this.#clock.passed(messages, waiting, now);
  }

  #addToOutbox(group: Group<Subscriber>): number {
    const { seq } = this.#feed;
    let count = 0;
    // Members stand at few different seqs, most often at one; what is owed from each is encoded once.
    const owedFrom = new Map<number, readonly string[]>();
    for (const subscriber of group.members) {
      const { seq: from } = subscriber;
      let messages = owedFrom.get(from);
      if (!messages) {
        // Those who lag are not waited for, and not encoded for either.
        if (this.#laggards.has(subscriber)) continue;
        messages = messagesOwed(this.#feed, this.#log, subscriber);
        owedFrom.set(from, messages);
      }
      subscriber.waitedBefore = 0;
      if (messages.length === 0 || this.#laggards.has(subscriber)) continue;
      this.#outbox.add({ subscriber, group, from, seq, messages });
      count++;
    }
    group.pending.clear();
    group.since = seq;
    return count;
  }

  #bringUpToDate(subscriber: Subscriber): void {
    const owed = messagesOwed(this.#feed, this.#log, subscriber);
    if (owed.length > 0) this.#send(subscriber, owed);
  }

  #send(subscriber: Subscriber, messages: readonly string[]): void {
    subscriber.seq = this.#feed.seq;
    subscriber.waitedBefore = subscriber.group.pending.added;
    subscriber.sink.send(messages, this.#feed.seq);
  }
}
