import type { Subscription } from "../../protocol/subscription.ts";
import type { Position } from "../../protocol/position.ts";
import type { Group } from "./live/subscriber-index.ts";
import type { PatternAccount } from "./patterns.ts";

/** One connection, whatever its transport. On its account its work and what it selects are counted. */
export interface Sink extends PatternAccount {
  /**
   * Sends messages. `seq` is what the client stands at after them; none where it stands nowhere before more has come,
   * so that whoever loses its memory in between cannot go on from there. There may be no message at all.
   */
  send(messages: readonly string[], seq: number | undefined): void;
  /** Bytes that were sent and that the client has not taken yet, as far as that is known. */
  backlog(): number;
  /** Ends the connection of a client that takes nothing. */
  drop(): void;
}

/** A `subscribe` message that waits to be answered. */
export interface Ask {
  readonly subscription: Subscription;
  readonly id: number | undefined;
}

/**
 * A subscriber is live, as a member of a group that gets what happens; or it is being caught up, by a job, and a member
 * of none.
 */
export class Subscriber {
  readonly sink: Sink;
  /** What it gets. What it has asked for instead waits in `asked`. */
  subscription: Subscription;
  readonly asked: Ask[] = [];
  /** Where its client stands; no epoch before it was told anything. */
  epoch: string | undefined;
  seq: number;
  /** Up to here nothing happened since `seq` that it selects: it need not be looked at again. */
  clearTo: number;
  /** Where it is live. */
  group: Group<Subscriber> | undefined;
  /** Of the updates that wait for its group, how many it has already: they waited when it joined or was caught up. */
  waitedBefore = 0;
  /** Whether it has just come, with a position that is to be confirmed; or is known from before. */
  arrival: "new" | "back" | "here";
  gone = false;
  /** Bytes that it has not taken, when that was last looked at, and when they were last seen to become fewer. */
  backlog = 0;
  movedAt = 0;

  constructor(sink: Sink, subscription: Subscription, at: Position | undefined, arrival: "new" | "back") {
    this.sink = sink;
    this.subscription = subscription;
    this.epoch = at?.epoch;
    this.seq = at?.seq ?? 0;
    this.clearTo = this.seq;
    this.arrival = arrival;
  }

  /** Notes that its client has all up to a position. */
  reaches({ epoch, seq }: Position): void {
    this.epoch = epoch;
    this.seq = seq;
    this.clearTo = seq;
    this.arrival = "here";
  }
}
