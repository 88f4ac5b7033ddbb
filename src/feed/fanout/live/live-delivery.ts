import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Feed } from "../../state/feed.ts";
import { seqAfter, type LogRecord } from "../../state/record.ts";
import type { Backlogs } from "../backlog/backlogs.ts";
import type { Share } from "../budget.ts";
import type { Cutter } from "../cutter.ts";
import type { FanoutLimits } from "../fanout-limits.ts";
import type { Group, Subscriber } from "../subscriber.ts";
import type { EncodedMessage } from "../encoded-message.ts";
import { COST } from "../work.ts";
import { FlushSchedule, type FlushPolicy } from "./flush-schedule.ts";
import { Outbox } from "./outbox.ts";
import { SubscriberIndex } from "./subscriber-index.ts";

export interface LiveContext {
  readonly feed: Feed;
  readonly policy: FlushPolicy;
  readonly limits: FanoutLimits;
  /** The part of the memory budget for updates that wait. */
  readonly memory: Share;
  readonly backlogs: Backlogs;
  readonly cutter: Cutter;
  /** Queues a catch-up for a subscriber that a flush cannot serve. One that lags has to drain first. */
  catchUp(subscriber: Subscriber): void;
}

/**
 * Sends live subscribers what happens: `deliver` adds committed updates to the groups that select them, where they wait;
 * a flush encodes what waits, when the schedule allows it, into the outbox; slices of the outbox are sent.
 */
export class LiveDelivery {
  readonly #context: LiveContext;
  readonly #schedule: FlushSchedule;
  readonly #outbox = new Outbox();
  #index: SubscriberIndex;
  /** Groups for which something waits, or may. The group that has waited longest comes first. */
  readonly #waiting = new Set<Group>();
  #delivered: number;
  /** The work of encoding that no slice has told of yet. */
  #encoded = 0;

  constructor(context: LiveContext) {
    this.#context = context;
    this.#schedule = new FlushSchedule(context.policy);
    this.#index = new SubscriberIndex(context.policy.group);
    this.#delivered = context.feed.seq;
  }

  /** The feed's seq up to which everything was committed and delivered. */
  get delivered(): number {
    return this.#delivered;
  }

  /** Whether everything that the feed shows was committed and delivered. */
  get isComplete(): boolean {
    return this.#context.feed.seq === this.#delivered;
  }

  /** Makes a subscriber that has everything delivered so far live. */
  join(subscriber: Subscriber): void {
    const group = this.#index.join(subscriber, this.#delivered);
    subscriber.unchangedTo = this.#delivered;
    subscriber.pendingBefore = group.pending.added;
    subscriber.arrival = "served";
  }

  leave(subscriber: Subscriber): void {
    const { group } = subscriber;
    if (!group) return;
    this.#index.leave(subscriber);
    if (group.members.size === 0) this.#waiting.delete(group);
  }

  /** Takes committed records. The next flushes send them. */
  deliver(records: readonly LogRecord[], now: number): void {
    const last = records.at(-1);
    if (last) this.#delivered = seqAfter(last);
    let messages = 0;
    for (const group of this.#addToGroups(records)) {
      // A group that `hz` makes wait is not served now in any case.
      if (group.notBefore <= now) messages += group.members.size;
      this.#waiting.add(group);
      if (!group.pending.isComplete || group.pending.size > SERVER_LIMITS.pendingUpdates) this.#discardPending(group);
    }
    this.#limitMemory();
    if (messages > 0) this.#schedule.offer(messages, now);
  }

  /** Encodes a flush if the schedule allows one within `early` milliseconds and the one before has been sent. */
  beginFlush(now: number, early = 0): void {
    if (this.#outbox.isEmpty && this.#schedule.next(now) <= now + early) this.#encodeFlush(now);
  }

  /** Whether `beginFlush` would encode anything now. */
  isDue(now: number): boolean {
    return this.#outbox.isEmpty && this.#waiting.size > 0 && this.#schedule.next(now) <= now;
  }

  /** When there is something to do next; Infinity if nothing waits. */
  due(now: number): number {
    if (!this.#outbox.isEmpty) return now;
    let due = Infinity;
    const next = this.#schedule.next(now);
    for (const { notBefore } of this.#waiting) due = Math.min(due, Math.max(next, notBefore));
    return due;
  }

  /** Sends a part of the flush, and returns the work that it was, with that of encoding it. */
  sendSlice(now: number): number {
    const { feed, policy, limits, backlogs } = this.#context;
    const encoded = this.#encoded;
    this.#encoded = 0;
    const sent = this.#outbox.sendSlice(policy.slice, ({ subscriber, message }) => {
      const backlog = backlogs.look(subscriber, now);
      if (backlog > limits.backlogHigh || !backlogs.hasRoom(subscriber, message.text.length)) {
        subscriber.lagging = true;
        this.#context.catchUp(subscriber);
        return;
      }
      subscriber.send(message, feed.epoch);
      backlogs.look(subscriber, now);
    });
    return encoded + sent;
  }

  /** Notes in the memory budget what waits. Returns false if there is no room for it. */
  countMemory(): boolean {
    return this.#context.memory.set(this.#index.pendingMemory.bytes);
  }

  /** Forgets what waits, and all groups: the feed was reset. */
  reset(): void {
    this.#outbox.clear();
    this.#waiting.clear();
    this.#index = new SubscriberIndex(this.#context.policy.group);
    this.#delivered = this.#context.feed.seq;
  }

  /** Sends nothing more: the feed is no longer served. */
  end(): void {
    this.#outbox.clear();
    this.#waiting.clear();
    this.#context.memory.set(0);
  }

  /** Returns the groups that any of the updates concerns. */
  #addToGroups(records: readonly LogRecord[]): Iterable<Group> {
    const { limits } = this.#context;
    const selecting = new Set<Group>();
    const allowance = { left: limits.composedLength, additions: limits.additions };
    for (const { updates } of records) {
      for (const update of updates) {
        for (const group of this.#index.add(update, allowance)) {
          if (group) selecting.add(group);
          if (allowance.additions < 0) return this.#discardAllPending();
        }
      }
    }
    return selecting;
  }

  /** Finding out which groups select the updates takes too long: all of them read again. */
  #discardAllPending(): readonly Group[] {
    const { groups } = this.#index;
    for (const group of groups) this.#discardPending(group);
    return groups;
  }

  /** Too much waits for a group: its members read it from the entries or the log instead, by a catch-up. */
  #discardPending(group: Group): void {
    group.pending.clear();
    group.since = this.#delivered;
    this.#waiting.add(group);
  }

  /** If too much waits for all groups, discards half of it or more, from the groups with the most. */
  #limitMemory(): void {
    const { limits } = this.#context;
    const memory = this.#index.pendingMemory;
    if (memory.bytes <= limits.pendingBytes && this.countMemory()) return;
    for (const group of [...this.#waiting].toSorted((a, b) => b.pending.bytes - a.pending.bytes)) {
      if (memory.bytes * 2 <= limits.pendingBytes && this.countMemory()) return;
      this.#discardPending(group);
    }
    this.countMemory();
  }

  /** Encodes what waits for the groups that are due, and puts it into the outbox. */
  #encodeFlush(now: number): void {
    const { stepWork } = this.#context.limits;
    const due = [...this.#waiting].filter(({ notBefore }) => notBefore <= now);
    let waiting = 0;
    for (const { members } of due) waiting += members.size;
    const quota = this.#schedule.quota(waiting, now);
    let messages = 0;
    let work = 0;
    // Characters that may still be encoded in this flush.
    const allowance = { left: stepWork };
    for (const group of due) {
      // As near to the quota as whole groups come, and one group at least.
      if (messages > 0 && messages + group.members.size / 2 > quota) break;
      // The groups that are left have waited longest from now on.
      if (work > stepWork || allowance.left < 0) break;
      this.#waiting.delete(group);
      this.#encoded += COST.begin;
      work += COST.begin + group.pending.bytes;
      messages += this.#encodeGroup(group, allowance);
      const { hz } = group.subscription;
      if (hz !== undefined) group.notBefore = now + 1000 / hz;
    }
    this.#encoded += stepWork - allowance.left;
    if (messages > 0) this.#schedule.flushed(messages, waiting, now);
  }

  /** Returns how many members there are messages for. */
  #encodeGroup(group: Group, allowance: { left: number }): number {
    const { feed, cutter } = this.#context;
    const { seq } = feed;
    let count = 0;
    const behind: Subscriber[] = [];
    // Members are at few different seqs, most often at one: the message from each seq is encoded once.
    const bySeq = new Map<number, EncodedMessage | undefined>();
    for (const subscriber of group.members) {
      if (!group.covers(subscriber)) {
        behind.push(subscriber);
        continue;
      }
      const { seq: from } = subscriber;
      let message = bySeq.get(from);
      if (!message && !bySeq.has(from)) {
        // A flush is in memory until it is sent: if members are at many seqs, the rest is served one by one.
        if (allowance.left < 0 && bySeq.size > 0) {
          behind.push(subscriber);
          continue;
        }
        const meter = { work: 0 };
        message = group.messageFor(subscriber, feed, cutter.to(group.subscription.selection.fields, meter));
        allowance.left -= Math.max(message?.text.length ?? 0, meter.work);
        bySeq.set(from, message);
      }
      subscriber.pendingBefore = 0;
      if (!message) {
        subscriber.unchangedTo = seq;
        continue;
      }
      this.#outbox.add({ subscriber, group, from, message });
      count++;
    }
    group.pending.clear();
    group.since = seq;
    for (const subscriber of behind) this.#context.catchUp(subscriber);
    return count;
  }
}
