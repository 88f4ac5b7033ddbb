import type { SnapshotReason } from "../../../protocol/codes.ts";
import type { Backlogs } from "../backlog/backlogs.ts";
import type { LiveDelivery } from "../live/live-delivery.ts";
import type { Selections } from "../selections.ts";
import type { Resubscribe, Subscriber } from "../subscriber.ts";
import { lookupCost, type WorkMeter } from "../work.ts";
import { changesSince, isUnchangedSince } from "./changes-since.ts";
import type { EncodedCache } from "./encoded-cache.ts";
import type { Job, StepResult } from "./jobs.ts";
import { updateMessage, type EncodedMessage } from "../encoded-message.ts";
import { PacedSink } from "./paced-sink.ts";
import { Replay } from "./replay.ts";
import { SnapshotCursor } from "./snapshot-cursor.ts";
import type { ReadContext } from "./snapshots.ts";

/** What all catch-ups share. */
export interface CatchUpContext extends ReadContext {
  readonly encoded: EncodedCache;
  readonly backlogs: Backlogs;
  readonly live: LiveDelivery;
  readonly selections: Selections;
  /** Closes a subscriber that takes nothing, or that cannot be served. */
  drop(subscriber: Subscriber): void;
  failed(error: unknown): void;
}

/** What the next step does. */
type Stage =
  /** Sends what waits for the subscriber's group, if that is enough. */
  | { readonly at: "group" }
  /** Decides how the subscriber comes to the present. */
  | { readonly at: "decide" }
  | { readonly at: "replay"; readonly replay: Replay }
  | { readonly at: "freeze"; readonly reason: SnapshotReason }
  /** Sends the parts of a snapshot, maybe the answer to a `subscribe` message. */
  | { readonly at: "snapshot"; readonly answers?: Resubscribe };

/** Brings a subscriber to the present, as that moves on; answers its `subscribe` messages in turn; makes it live. */
export class CatchUp implements Job {
  /** The account when the catch-up began: what is counted on it is also given back to it. */
  readonly account: string;
  readonly #subscriber: Subscriber;
  readonly #context: CatchUpContext;
  readonly #sink: PacedSink;
  readonly #cursor: SnapshotCursor;
  #stage: Stage = { at: "group" };

  constructor(subscriber: Subscriber, context: CatchUpContext) {
    this.account = subscriber.sink.account;
    this.#subscriber = subscriber;
    this.#context = context;
    this.#sink = new PacedSink(subscriber, context.backlogs, context.limits.backlogHigh);
    this.#cursor = new SnapshotCursor(context.snapshots, () => context.drop(subscriber));
    subscriber.catchUp = this;
  }

  get needsCommit(): boolean {
    const stage = this.#stage;
    // What the log has is committed, and a list was committed when it was made.
    if (stage.at === "replay") return stage.replay.isAtEnd;
    return stage.at !== "snapshot";
  }

  isReady(now: number): boolean {
    const mayTake = this.#mayTake(now);
    if (this.#subscriber.gone) return true;
    return mayTake && this.#cursor.isReady;
  }

  step(now: number, meter: WorkMeter): StepResult {
    const subscriber = this.#subscriber;
    if (subscriber.gone) return "done";
    if (!this.#mayTake(now)) return subscriber.gone ? "done" : "wait";
    const result = this.#step(now, meter);
    if (subscriber.gone) return "done";
    if (result === "done") subscriber.catchUp = undefined;
    return result;
  }

  fail(error: unknown): void {
    this.#context.failed(error);
    this.#context.drop(this.#subscriber);
  }

  end(): void {
    this.#subscriber.catchUp = undefined;
    this.#cursor.release();
    this.#stage = { at: "decide" };
  }

  #step(now: number, meter: WorkMeter): StepResult {
    const stage = this.#stage;
    if (stage.at === "group") return this.#sendFromGroup(now, meter);
    if (stage.at === "decide") return this.#decide(now, meter);
    if (stage.at === "replay") return this.#replay(stage.replay, now, meter);
    if (stage.at === "freeze") return this.#freeze(stage.reason, now, meter);
    return this.#sendPart(stage.answers, now, meter);
  }

  /** What waits for the group says more than the present state of the entries: it says what was merged away. */
  #sendFromGroup(now: number, meter: WorkMeter): StepResult {
    const subscriber = this.#subscriber;
    const { feed, cutter } = this.#context;
    const { group } = subscriber;
    if (group && subscriber.epoch === feed.epoch && group.covers(subscriber)) {
      const message = group.messageFor(subscriber, feed, cutter.to(group.subscription.selection.fields, meter));
      if (message !== undefined && !this.#sink.hasRoomFor(message)) return "wait";
      subscriber.unchangedTo = feed.seq;
      subscriber.pendingBefore = group.pending.added;
      if (message !== undefined) this.#send(message, now, meter);
      // It stays in its group.
      if (subscriber.resubscribes.length === 0) return "done";
    }
    // Until it joins again, only its catch-up sends to it.
    this.#context.live.leave(subscriber);
    return this.#next({ at: "decide" });
  }

  /** Nothing to send, one `update` from the entries, a replay of the log (`mode=all`), or a snapshot. */
  #decide(now: number, meter: WorkMeter): StepResult {
    const subscriber = this.#subscriber;
    const { feed, encoded } = this.#context;
    const { epoch, seq, unchangedTo, arrival, subscription } = subscriber;
    const { selection, mode } = subscription;
    meter.work += lookupCost(selection);
    if (epoch === undefined) return this.#next({ at: "freeze", reason: "initial" });
    if (epoch !== feed.epoch) {
      return this.#next({ at: "freeze", reason: arrival === "served" ? "reset" : "epoch_changed" });
    }
    if (unchangedTo > feed.seq) return this.#next({ at: "freeze", reason: "position_ahead" });
    // A client that brought a position gets an `update`, though it may be empty: that confirms the position.
    if (arrival !== "new" && isUnchangedSince(feed, selection, unchangedTo, meter)) return this.#arrive(meter);
    if (mode === "all" && !isUnchangedSince(feed, selection, unchangedTo, meter)) {
      return this.#next({ at: "replay", replay: new Replay(this.#context, selection, seq, unchangedTo) });
    }
    const key = `${seq}|${selection.id}`;
    let message = encoded.findAt(feed, key);
    if (!message) {
      const range = changesSince(this.#context, selection, seq, meter);
      if (!range) return this.#next({ at: "freeze", reason: this.#tooFarBack });
      message = encoded.get(key, () => updateMessage(feed.epoch, range));
    }
    // None of the fields that it selects was touched.
    if (message.isEmpty && arrival !== "new") return this.#arrive(meter);
    if (!this.#sink.hasRoomFor(message)) return "wait";
    this.#send(message, now, meter);
    return this.#decideAtOnce(now, meter);
  }

  /**
   * Decides in the same step. In the next one, others would have had their turns and something would have changed: of very
   * many that come at once, none would ever be live.
   */
  #decideAtOnce(now: number, meter: WorkMeter): StepResult {
    this.#next({ at: "decide" });
    return this.#subscriber.gone ? "done" : this.#decide(now, meter);
  }

  #replay(replay: Replay, now: number, meter: WorkMeter): StepResult {
    const subscriber = this.#subscriber;
    const { feed, limits } = this.#context;
    if (subscriber.epoch !== feed.epoch) return this.#next({ at: "decide" });
    // What a step finds is sent at once and not kept, so there must be room before.
    if (!this.#sink.hasRoom(limits.partLength)) return "wait";
    const found = replay.next(meter);
    if (found.kind === "later") return "wait";
    if (found.kind === "expired") return this.#next({ at: "freeze", reason: this.#tooFarBack });
    for (const range of found.ranges) {
      if (subscriber.gone || (range.updates.length === 0 && subscriber.arrival !== "new")) continue;
      this.#send(updateMessage(feed.epoch, range), now, meter);
    }
    if (!found.isEnd) return "more";
    subscriber.unchangedTo = feed.seq;
    return this.#decideAtOnce(now, meter);
  }

  /** Sends a snapshot of one message, or begins one of several parts. */
  #freeze(reason: SnapshotReason, now: number, meter: WorkMeter): StepResult {
    const { feed, encoded, snapshots } = this.#context;
    const { selection } = this.#subscriber.subscription;
    const { fields } = selection;
    const key = `${reason}|${selection.id}`;
    const known = encoded.findAt(feed, key);
    if (known) {
      if (!this.#sink.hasRoomFor(known)) return "wait";
      this.#send(known, now, meter);
      return this.#decideAtOnce(now, meter);
    }
    const request = { account: this.account, selection, since: this.#since };
    const list = this.#cursor.take(request, meter);
    if (!list) return "wait";
    if (list.parts > 1) {
      this.#cursor.begin(list, reason, fields);
      return this.#next({ at: "snapshot" });
    }
    const isPresent = list.seq === feed.seq;
    const encode = (): EncodedMessage => snapshots.message(list, 0, reason, fields, meter);
    const message = isPresent ? encoded.get(key, encode) : encode();
    if (!this.#sink.hasRoomFor(message)) return "wait";
    this.#send(message, now, meter);
    return this.#decideAtOnce(now, meter);
  }

  /** The subscriber has everything that it selects: answers its next `subscribe`, or makes it live. */
  #arrive(meter: WorkMeter): StepResult {
    const subscriber = this.#subscriber;
    const { feed } = this.#context;
    subscriber.unchangedTo = feed.seq;
    const [resubscribe] = subscriber.resubscribes;
    if (!resubscribe) {
      this.#context.live.join(subscriber);
      return "done";
    }
    // The list is of this very moment: later changes are sent for all that is selected from now on.
    const { selection } = resubscribe.subscription;
    const { selection: before } = subscriber.subscription;
    // With other fields, the entries that stay have other members too.
    const except = selection.fields?.id === before.fields?.id ? before : undefined;
    const request = { account: this.account, selection, except };
    const list = this.#cursor.take(request, meter);
    if (!list) return "wait";
    this.#cursor.begin(list, "subscribe", selection.fields, resubscribe.id);
    return this.#next({ at: "snapshot", answers: resubscribe });
  }

  #sendPart(answers: Resubscribe | undefined, now: number, meter: WorkMeter): StepResult {
    const message = this.#cursor.message(meter);
    if (!message) return this.#next({ at: "decide" });
    if (!this.#sink.hasRoomFor(message)) return "wait";
    if (answers) this.#replaceSubscription(answers);
    const hasMore = this.#cursor.next();
    this.#send(message, now, meter);
    return hasMore ? "more" : this.#next({ at: "decide" });
  }

  /**
   * A `subscribe` message waits until its answer goes out: should the feed be built anew before that, whoever takes over the
   * subscriber still has to answer it.
   */
  #replaceSubscription(answered: Resubscribe): void {
    const subscriber = this.#subscriber;
    if (subscriber.resubscribes[0] !== answered) return;
    subscriber.resubscribes.shift();
    this.#context.selections.release(subscriber.subscription);
    subscriber.subscription = answered.subscription;
  }

  #send(message: EncodedMessage, now: number, meter: WorkMeter): void {
    this.#sink.send(message, this.#context.feed.epoch, now, meter);
  }

  /** Whether the subscriber can take more. One that is stuck is dropped. */
  #mayTake(now: number): boolean {
    const state = this.#sink.look(now);
    if (state === "stuck") this.#context.drop(this.#subscriber);
    return state === "ready";
  }

  /** A list must be of a moment after this seq. A position of another epoch is before all. */
  get #since(): number {
    const { epoch, unchangedTo } = this.#subscriber;
    const { feed } = this.#context;
    return epoch === feed.epoch && unchangedTo <= feed.seq ? unchangedTo : -1;
  }

  get #tooFarBack(): SnapshotReason {
    return this.#subscriber.arrival === "new" ? "position_expired" : "lagging";
  }

  #next(stage: Stage): StepResult {
    this.#stage = stage;
    return "more";
  }
}
