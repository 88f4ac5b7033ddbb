import type { Subscription } from "../../protocol/selection.ts";
import type { Position } from "../../protocol/position.ts";
import type { CutValue } from "../state/accepted-update.ts";
import type { Feed } from "../state/feed.ts";
import type { Job } from "./catch-up/jobs.ts";
import { updateMessage, type EncodedMessage } from "./encoded-message.ts";
import type { Pending } from "./live/pending.ts";
import type { PatternAccount } from "./selections.ts";

/** One connection, whatever its transport. Its work and its patterns are counted on its account. */
export interface Sink extends PatternAccount {
  /**
   * Sends a message. `seq` is the client's seq after it; undefined if the client has no position before more has come. A
   * server that loses its memory then cannot resume the client.
   */
  send(message: EncodedMessage, seq: number | undefined): void;
  /** Notes without a message that the client has no position before more has come. */
  clearPosition(): void;
  /** Bytes that were sent and that the client has not taken yet, as far as the server knows. */
  backlog(): number;
  /** Closes the connection of a client that takes nothing. */
  drop(): void;
}

/** A `subscribe` message that waits for its answer. */
export interface Resubscribe {
  readonly subscription: Subscription;
  readonly id: number | undefined;
}

/**
 * A subscriber is live or in catch-up. A live one is a member of a group and gets its updates from flushes. One in
 * catch-up gets them from its catch-up job, which sends what waits for its group if that is enough, and else takes it out
 * of the group first.
 */
export class Subscriber {
  readonly sink: Sink;
  /** What it gets now. What it has asked for instead waits in `resubscribes`. */
  subscription: Subscription;
  readonly resubscribes: Resubscribe[] = [];
  /** The client's position. `epoch` is undefined before the client has one. */
  epoch: string | undefined;
  seq: number;
  /** From `seq` to this seq nothing has changed that it selects, so that nobody has to look there again. */
  unchangedTo: number;
  /** Its group while it is live. */
  group: Group | undefined;
  /** How many updates waited for its group when it joined, or had its last catch-up: the client has them already. */
  pendingBefore = 0;
  /**
   * `new`: it has just connected, and a position that it brought must be confirmed. `served`: it has been sent something,
   * maybe before the server lost its memory.
   */
  arrival: "new" | "served";
  /** Whether the last message was a part of a snapshot, and more are to come. */
  hasPart = false;
  /** Its catch-up, if it has one. It may still be a member of its group then. */
  catchUp: Job | undefined;
  /** Whether it did not take what it was sent: it gets nothing more until its backlog has drained, then a catch-up. */
  lagging = false;
  gone = false;
  /** Bytes that it had not taken when it was last looked at. */
  backlog = 0;
  /** When its backlog was last seen to shrink, in milliseconds. */
  movedAt = 0;

  constructor(sink: Sink, subscription: Subscription, position: Position | undefined, arrival: "new" | "served") {
    this.sink = sink;
    this.subscription = subscription;
    this.epoch = position?.epoch;
    this.seq = position?.seq ?? 0;
    this.unchangedTo = this.seq;
    this.arrival = arrival;
  }

  /** Sends it a message. `epoch`: the feed's. */
  send(message: EncodedMessage, epoch: string): void {
    const { position } = message;
    this.hasPart = position === undefined;
    if (position) {
      ({ epoch: this.epoch, seq: this.seq } = position);
      this.unchangedTo = position.seq;
      this.arrival = "served";
    }
    // A client cannot resume while an answer to `subscribe` is to come: it would wait for it in vain. Nor in an old epoch.
    const canResume = this.resubscribes.length === 0 && position?.epoch === epoch;
    this.sink.send(message, canResume ? position.seq : undefined);
  }
}

/**
 * Live subscribers with the same subscription. What they get is encoded once. Very many are several groups, so that no
 * flush has to serve all of them.
 */
export class Group {
  readonly id: string;
  readonly subscription: Subscription;
  readonly members = new Set<Subscriber>();
  /** What waits for the next flush. */
  readonly pending: Pending;
  /** `pending` has every selected update after this seq. */
  since: number;
  /** When `hz` allows the next message, in milliseconds of the steady clock. */
  notBefore = 0;

  constructor(id: string, subscription: Subscription, since: number, pending: Pending) {
    this.id = id;
    this.subscription = subscription;
    this.since = since;
    this.pending = pending;
  }

  /** Whether `pending` has all that a member lacks. If not, the member needs a catch-up. */
  covers({ unchangedTo }: Subscriber): boolean {
    return unchangedTo >= this.since;
  }

  /**
   * The `update` message that brings a member to the present, if the group covers it; undefined if nothing waits for it.
   * The updates are the same for all members at one seq. `skipped` is counted from when the member joined.
   * `cut`: to its fields.
   */
  messageFor(
    { seq: from, pendingBefore }: Subscriber,
    { epoch, entries, seq, time }: Feed,
    cut?: CutValue,
  ): EncodedMessage | undefined {
    const updates = this.pending.after(from, entries, cut);
    if (updates.length === 0) return undefined;
    const skipped = this.pending.added - pendingBefore - updates.length;
    return updateMessage(epoch, { from, seq, time, updates, skipped });
  }
}
