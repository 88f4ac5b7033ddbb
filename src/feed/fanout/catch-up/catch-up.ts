import { encodeUpdateMessage } from "../../../protocol/server-messages.ts";
import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Subscription } from "../../../protocol/subscription.ts";
import type { Position } from "../../../protocol/position.ts";
import { COST, costOf, lengthOf, type FanoutLimits, type Meter } from "../fanout-limits.ts";
import type { Backlogs } from "../backlog/backlogs.ts";
import type { EncodedCache } from "./encoded-cache.ts";
import type { Feed } from "../../state/feed.ts";
import type { Gathered } from "./log-memory.ts";
import type { Job, Step } from "./jobs.ts";
import { isStuck } from "../backlog/slow-consumers.ts";
import { messageOwed } from "../live/owed.ts";
import type { Log } from "../../state/record.ts";
import { Replay } from "./replay.ts";
import { isUnchanged, latestState } from "./changes-since.ts";
import type { FrozenList } from "./frozen-list.ts";
import type { Asked, Holder, Snapshots } from "./snapshots.ts";
import type { Subscriber } from "../subscriber.ts";

/** What all who are caught up share, and what happens to them. */
export interface CatchUps {
  readonly feed: Feed;
  readonly log: Log;
  readonly bounds: FanoutLimits;
  readonly encoded: EncodedCache;
  readonly snapshots: Snapshots;
  readonly backlogs: Backlogs;
  readonly gathered: Gathered;
  /** It has all that there is: it is live from here on. */
  join(subscriber: Subscriber): void;
  /** It is live no longer: it gets nothing but what its job sends it. */
  leave(subscriber: Subscriber): void;
  /** It gets what it has asked for in place of this. */
  answered(before: Subscription): void;
  /** Its job has come to its end. */
  done(subscriber: Subscriber): void;
  /** It takes nothing, or cannot be served. */
  drop(subscriber: Subscriber): void;
  /** Notes what should not have happened. */
  failed(error: unknown): void;
}

/** What is done next. */
type Stage =
  | { readonly at: "begin" }
  | { readonly at: "look" }
  | { readonly at: "replay"; readonly replay: Replay }
  | { readonly at: "freeze"; readonly reason: SnapshotReason }
  | Reading;

interface Reading {
  readonly at: "snapshot";
  readonly list: FrozenList;
  readonly reason: SnapshotReason;
  readonly id: number | undefined;
  part: number;
}

/**
 * Brings one subscriber to the present, in steps, and serves what it asks for on the way. Until it is there nothing else
 * is sent to it; what happens meanwhile is part of the way.
 */
export class CatchUp implements Job, Holder {
  /** Whose it was when it began: what is counted on one account is taken from the same. */
  readonly account: string;
  readonly subscriber: Subscriber;
  readonly #all: CatchUps;
  #stage: Stage = { at: "begin" };
  /** The list that it waits for. */
  #waitsFor: Asked | undefined;
  /** Characters that wait until the connection may be sent as much. */
  #unsent = 0;

  constructor(subscriber: Subscriber, all: CatchUps) {
    this.account = subscriber.sink.account;
    this.subscriber = subscriber;
    this.#all = all;
  }

  get shows(): boolean {
    const stage = this.#stage;
    // What the log holds is written.
    if (stage.at === "replay") return stage.replay.isAtEnd;
    return stage.at !== "snapshot";
  }

  isReady(now: number): boolean {
    const mayTake = this.#mayTake(now);
    if (this.subscriber.gone) return true;
    return mayTake && (!this.#waitsFor || this.#all.snapshots.canTake(this.#waitsFor));
  }

  step(now: number, meter: Meter): Step {
    const { subscriber } = this;
    if (subscriber.gone) return "done";
    if (!this.#mayTake(now)) return subscriber.gone ? "done" : "wait";
    const step = this.#step(now, meter);
    if (subscriber.gone) return "done";
    if (step === "done") this.#all.done(subscriber);
    return step;
  }

  fail(error: unknown): void {
    this.#all.failed(error);
    this.#all.drop(this.subscriber);
  }

  /** The list that it reads is needed no longer than others are. */
  giveUp(): void {
    this.#all.drop(this.subscriber);
  }

  /** Lets go of what it holds. */
  end(): void {
    if (this.#stage.at === "snapshot") this.#all.snapshots.release(this.#stage.list, this);
    this.#stage = { at: "look" };
  }

  #step(now: number, meter: Meter): Step {
    const stage = this.#stage;
    if (stage.at === "begin") return this.#begin(now, meter);
    if (stage.at === "look") return this.#look(now, meter);
    if (stage.at === "replay") return this.#replay(stage.replay, now, meter);
    if (stage.at === "freeze") return this.#freeze(stage.reason, now, meter);
    return this.#sendPart(stage, now, meter);
  }

  /** One who is live may be owed what waits for its group: that is said better than by what the entries are. */
  #begin(now: number, meter: Meter): Step {
    const { subscriber } = this;
    const { feed } = this.#all;
    const { group } = subscriber;
    if (group && subscriber.epoch === feed.epoch && subscriber.clearTo >= group.since) {
      const owed = messageOwed(feed, group, subscriber);
      if (owed !== undefined && !this.#hasRoomFor([owed])) return "wait";
      subscriber.clearTo = feed.seq;
      subscriber.waitedBefore = group.pending.added;
      if (owed !== undefined) this.#send([owed], feed, now, meter);
      // It stays where it is.
      if (subscriber.asked.length === 0) return "done";
    }
    this.#all.leave(subscriber);
    return this.#next({ at: "look" });
  }

  /** Decides how the subscriber comes from where it is to the present: by what changed, or by a snapshot. */
  #look(now: number, meter: Meter): Step {
    const { subscriber } = this;
    const { feed, log, encoded, bounds } = this.#all;
    const { epoch, seq, clearTo, arrival, subscription } = subscriber;
    const { selection, mode } = subscription;
    meter.work += costOf(selection);
    if (epoch === undefined) return this.#next({ at: "freeze", reason: "initial" });
    if (epoch !== feed.epoch) {
      return this.#next({ at: "freeze", reason: arrival === "here" ? "reset" : "epoch_changed" });
    }
    if (clearTo > feed.seq) return this.#next({ at: "freeze", reason: "position_ahead" });
    // A position that one comes with is confirmed, though nothing has changed.
    if (arrival !== "new" && isUnchanged(feed, selection, clearTo, meter)) return this.#arrive(meter);
    if (mode === "all" && !isUnchanged(feed, selection, clearTo, meter)) {
      const replay = new Replay(feed, log, selection, { from: seq, clearTo }, bounds.partLength);
      return this.#next({ at: "replay", replay });
    }
    const key = `${seq}|${selection.id}`;
    let messages = encoded.find(key, feed);
    if (!messages) {
      const batch = latestState(feed, selection, seq, meter);
      if (!batch) return this.#next({ at: "freeze", reason: this.#behind });
      messages = encoded.get(key, feed, () => [encodeUpdateMessage(batch)]);
    }
    if (!this.#hasRoomFor(messages)) return "wait";
    this.#send(messages, feed, now, meter);
    return "more";
  }

  #replay(replay: Replay, now: number, meter: Meter): Step {
    const { subscriber } = this;
    const { feed } = this.#all;
    if (subscriber.epoch !== feed.epoch) return this.#next({ at: "look" });
    // What is found is sent at once, and is not kept.
    if (!this.#hasRoom(this.#all.bounds.partLength)) return "wait";
    const found = replay.next(meter);
    if (found.kind === "expired") return this.#next({ at: "freeze", reason: this.#behind });
    for (const { updates, ...batch } of found.batches) {
      if (subscriber.gone || (updates.length === 0 && subscriber.arrival !== "new")) continue;
      const message = encodeUpdateMessage({ ...batch, updates });
      this.#send([message], { epoch: feed.epoch, seq: batch.seq }, now, meter);
    }
    if (!found.isEnd) return "more";
    subscriber.clearTo = feed.seq;
    return this.#next({ at: "look" });
  }

  #freeze(reason: SnapshotReason, now: number, meter: Meter): Step {
    const { feed, encoded, snapshots } = this.#all;
    const { selection } = this.subscriber.subscription;
    const key = `${reason}|${selection.id}`;
    const known = encoded.find(key, feed);
    if (known) {
      if (!this.#hasRoomFor(known)) return "wait";
      this.#send(known, feed, now, meter);
      return this.#next({ at: "look" });
    }
    const asked = this.#asked();
    const list = this.#take(asked, meter);
    if (!list) return "wait";
    if (list.parts > 1) return this.#read(list, asked, reason, undefined);
    const isPresent = list.seq === feed.seq;
    const messages = isPresent
      ? encoded.get(key, feed, () => snapshots.message(list, 0, reason, undefined))
      : snapshots.message(list, 0, reason, undefined);
    if (!this.#hasRoomFor(messages)) return "wait";
    this.#send(messages, list, now, meter);
    return this.#next({ at: "look" });
  }

  /** It has all that its selection holds: it is live, unless it asks for another. */
  #arrive(meter: Meter): Step {
    const { subscriber } = this;
    const { feed } = this.#all;
    subscriber.clearTo = feed.seq;
    const [ask] = subscriber.asked;
    if (!ask) {
      this.#all.join(subscriber);
      return "done";
    }
    // At this very moment: what changes later changes for all that is selected from now on.
    const asked = {
      account: this.account,
      selection: ask.subscription.selection,
      except: subscriber.subscription.selection,
    };
    const list = this.#take(asked, meter);
    if (!list) return "wait";
    subscriber.asked.shift();
    this.#all.answered(subscriber.subscription);
    subscriber.subscription = ask.subscription;
    return this.#read(list, asked, "subscribe", ask.id);
  }

  #take(asked: Asked, meter: Meter): FrozenList | undefined {
    const before = this.#waitsFor;
    const isSame = before && before.selection === asked.selection && before.except === asked.except;
    // How much it may be was found out before.
    const wanted = isSame ? { ...asked, most: before.most } : asked;
    const list = this.#all.snapshots.take(wanted, meter);
    this.#waitsFor = list ? undefined : wanted;
    return list;
  }

  /** Reads a list from here on. */
  #read(list: FrozenList, asked: Asked, reason: SnapshotReason, id: number | undefined): Step {
    if (list.parts > 1) this.#all.snapshots.hold(list, asked, this);
    return this.#next({ at: "snapshot", list, reason, id, part: 0 });
  }

  #sendPart(stage: Reading, now: number, meter: Meter): Step {
    const { list, reason, id } = stage;
    const message = this.#all.snapshots.message(list, stage.part, reason, id);
    if (!this.#hasRoomFor(message)) return "wait";
    stage.part++;
    if (stage.part < list.parts) {
      this.#send(message, undefined, now, meter);
      return "more";
    }
    this.#all.snapshots.release(list, this);
    this.#send(message, list, now, meter);
    return this.#next({ at: "look" });
  }

  /** Sends what brings the client to a position; none given means that the rest is still to come. */
  #send(messages: readonly string[], to: Position | undefined, now: number, meter: Meter): void {
    const { subscriber } = this;
    if (to) subscriber.reaches(to);
    for (const message of messages) meter.work += COST.message + message.length;
    // Whoever waits for the answer to a message would wait for ever if it were forgotten; and what is over says nothing.
    const isWhole = subscriber.asked.length === 0 && to?.epoch === this.#all.feed.epoch;
    subscriber.sink.send(messages, isWhole ? to?.seq : undefined);
    this.#all.backlogs.look(subscriber, now);
  }

  #asked(): Asked {
    const { subscriber } = this;
    const { feed } = this.#all;
    // One of another epoch stands before everything.
    const since = subscriber.epoch === feed.epoch && subscriber.clearTo <= feed.seq ? subscriber.clearTo : -1;
    return { account: this.account, selection: subscriber.subscription.selection, since };
  }

  /** Whether it has room for more. One that takes nothing for too long is dropped. */
  #mayTake(now: number): boolean {
    const { backlogs, bounds } = this.#all;
    if (backlogs.look(this.subscriber, now) > bounds.backlogHigh) {
      if (isStuck(this.subscriber, now)) this.#all.drop(this.subscriber);
      return false;
    }
    return backlogs.mayTake(this.subscriber, this.#unsent);
  }

  #hasRoomFor(messages: readonly string[]): boolean {
    return this.#hasRoom(lengthOf(messages));
  }

  /** Whether it may be sent so much. Where not, it is looked at again when it may. */
  #hasRoom(length: number): boolean {
    const hasRoom = this.#all.backlogs.mayTake(this.subscriber, length);
    this.#unsent = hasRoom ? 0 : length;
    return hasRoom;
  }

  get #behind(): SnapshotReason {
    return this.subscriber.arrival === "new" ? "position_expired" : "lagging";
  }

  #next(stage: Stage): Step {
    this.#stage = stage;
    return "more";
  }
}
