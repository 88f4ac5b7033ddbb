import type { Group } from "./audience.ts";

/** One connection, whatever its transport. */
export interface Sink {
  /** Sends messages; `seq` is the feed's seq that they tell the client of. */
  send(messages: readonly string[], seq: number): void;
  /** Bytes that were sent and that the client has not taken yet, as far as that is known. */
  backlog(): number;
  /** Ends the connection of a client that takes nothing. */
  drop(): void;
}

export class Subscriber {
  readonly sink: Sink;
  group: Group<Subscriber>;
  /** The feed's seq that it was last told. */
  seq: number;
  /** Of the updates that wait for its group, how many it has already: they waited when it joined or was caught up. */
  waitedBefore = 0;

  constructor(sink: Sink, group: Group<Subscriber>, seq: number) {
    this.sink = sink;
    this.group = group;
    this.seq = seq;
  }
}
