import { LIMITS } from "../protocol/limits.ts";
import { encodeUpdateMessage, type SnapshotReason, type Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { selects } from "../protocol/selection.ts";
import { Audience, type Group } from "./audience.ts";
import type { Feed } from "./feed.ts";
import type { Log, LogRecord } from "./record.ts";
import { resume, type CatchUp } from "./resume.ts";
import { snapshotMessages } from "./snapshot.ts";

/** Sends messages to one connection; `seq` is the feed's seq that they tell it of. */
export type Send = (messages: readonly string[], seq: number) => void;

/** One subscriber, whatever its transport. */
export class Subscriber {
  readonly send: Send;
  group: Group<Subscriber>;
  /** The feed's seq that it was last told. */
  seq: number;
  /** Updates that waited for its group when it joined: it has them already. */
  waitedBefore = 0;

  constructor(send: Send, group: Group<Subscriber>, seq: number) {
    this.send = send;
    this.group = group;
    this.seq = seq;
  }
}

/** How long a group waits between two messages, in milliseconds, given how many subscribers the feed has. */
export type FlushInterval = (subscribers: number) => number;

/**
 * Fans a feed's durable records out: at once where a group has been quiet, else gathered into its window. Owns no
 * timer: `flush` says when it wants to be called again.
 */
export class Broadcast {
  readonly #feed: Feed;
  readonly #log: Log;
  readonly #interval: FlushInterval;
  readonly #audience = new Audience<Subscriber>();
  /** Groups that may be owed something. */
  readonly #dirty = new Set<Group<Subscriber>>();

  constructor(feed: Feed, log: Log, interval: FlushInterval) {
    this.#feed = feed;
    this.#log = log;
    this.#interval = interval;
  }

  get subscribers(): number {
    return this.#audience.size;
  }

  /** Adds a subscriber and brings it from `since` to the present: by what it missed, or by a snapshot. */
  subscribe(send: Send, subscription: Subscription, since: Position | undefined): Subscriber {
    const subscriber = this.#join(send, subscription, this.#feed.seq);
    this.#send(subscriber, this.#encode(subscriber.group, resume(this.#feed, this.#log, subscription, since)));
    return subscriber;
  }

  /**
   * Adds a subscriber that is connected already and was last told `told`. What it has missed since then, if
   * anything, comes with the next flush; only a feed that began anew is told at once.
   */
  rejoin(send: Send, subscription: Subscription, told: Position): Subscriber {
    const subscriber = this.#join(send, subscription, told.seq);
    if (told.epoch !== this.#feed.epoch || told.seq > this.#feed.seq) {
      this.#send(subscriber, this.#encodeSnapshot(subscriber.group, "epoch_changed"));
    } else if (told.seq < this.#feed.seq) this.#dirty.add(subscriber.group);
    return subscriber;
  }

  unsubscribe(subscriber: Subscriber): void {
    this.#audience.leave(subscriber, subscriber.group);
    if (subscriber.group.members.size === 0) this.#dirty.delete(subscriber.group);
  }

  /**
   * Replaces what a subscriber wants. It first gets what its old selection still owes it, then the entries that are
   * selected now and were not before.
   */
  resubscribe(subscriber: Subscriber, subscription: Subscription, id: number | undefined): void {
    const owed = this.#owed(subscriber);
    if (owed.length > 0) this.#send(subscriber, owed);
    const before = subscriber.group.subscription.selection;
    this.unsubscribe(subscriber);
    this.#enter(subscriber, this.#audience.group(subscription, this.#feed.seq));
    const { selection } = subscription;
    const except = (key: string): boolean => selects(before, key);
    this.#send(subscriber, snapshotMessages(this.#feed, { selection, reason: "subscribe", id, except }));
  }

  /** Takes a record that is durable. It is sent by the next flush. */
  deliver(record: LogRecord): void {
    for (const accepted of record.updates) {
      for (const group of this.#audience.deliver(accepted)) {
        this.#dirty.add(group);
        if (group.pending.size <= LIMITS.pendingUpdates) continue;
        // Too much to keep waiting in memory: the members will be served from the log instead.
        group.pending.clear();
        group.since = this.#feed.seq;
      }
    }
  }

  /** Sends what is due at `now`, and returns when the next flush is due; nothing where nothing waits. */
  flush(now: number): number | undefined {
    let next: number | undefined;
    for (const group of this.#dirty) {
      if (group.nextFlush <= now) this.#flushGroup(group, now);
      else next = Math.min(next ?? Infinity, group.nextFlush);
    }
    return next;
  }

  /** Tells every subscriber that the feed has begun anew: what it had is gone. */
  announceReset(): void {
    for (const group of this.#audience.groups) {
      group.pending.clear();
      group.since = this.#feed.seq;
      const messages = this.#encodeSnapshot(group, "reset");
      for (const member of group.members) {
        member.waitedBefore = 0;
        this.#send(member, messages);
      }
    }
    this.#dirty.clear();
  }

  #join(send: Send, subscription: Subscription, seq: number): Subscriber {
    const group = this.#audience.group(subscription, this.#feed.seq);
    const subscriber = new Subscriber(send, group, seq);
    this.#enter(subscriber, group);
    return subscriber;
  }

  #enter(subscriber: Subscriber, group: Group<Subscriber>): void {
    subscriber.group = group;
    subscriber.waitedBefore = group.pending.added;
    this.#audience.join(subscriber, group);
  }

  #flushGroup(group: Group<Subscriber>, now: number): void {
    this.#dirty.delete(group);
    const { hz } = group.subscription;
    group.nextFlush = now + Math.max(hz === undefined ? 0 : 1000 / hz, this.#interval(this.#audience.size));
    // Members stand at few different seqs, most often at one; what is owed from each is encoded once.
    const owedFrom = new Map<number, readonly string[]>();
    for (const member of group.members) {
      let messages = owedFrom.get(member.seq);
      if (!messages) {
        messages = this.#owed(member);
        owedFrom.set(member.seq, messages);
      }
      member.waitedBefore = 0;
      if (messages.length > 0) this.#send(member, messages);
    }
    group.pending.clear();
    group.since = this.#feed.seq;
  }

  /** All that a subscriber is owed at this moment, whatever its group's window says. Depends only on its seq and group. */
  #owed({ group, seq: from, waitedBefore }: Subscriber): readonly string[] {
    if (from >= group.since) {
      const updates = group.pending.after(from, this.#feed.entries);
      const skipped = group.pending.added - waitedBefore - updates.length;
      const { seq, time } = this.#feed;
      return updates.length === 0 ? [] : [encodeUpdateMessage({ from, seq, time, updates, skipped })];
    }
    const catchUp = resume(this.#feed, this.#log, group.subscription, { epoch: this.#feed.epoch, seq: from });
    if (catchUp.kind === "snapshot") return this.#encodeSnapshot(group, "lagging");
    return catchUp.batches.some(({ updates }) => updates.length > 0) ? this.#encode(group, catchUp) : [];
  }

  #encode(group: Group<Subscriber>, catchUp: CatchUp): readonly string[] {
    return catchUp.kind === "snapshot"
      ? this.#encodeSnapshot(group, catchUp.reason)
      : catchUp.batches.map(encodeUpdateMessage);
  }

  #encodeSnapshot(group: Group<Subscriber>, reason: SnapshotReason): readonly string[] {
    return snapshotMessages(this.#feed, { selection: group.subscription.selection, reason });
  }

  #send(subscriber: Subscriber, messages: readonly string[]): void {
    subscriber.seq = this.#feed.seq;
    subscriber.send(messages, this.#feed.seq);
  }
}
