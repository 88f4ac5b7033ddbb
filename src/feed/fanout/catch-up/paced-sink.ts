import type { Position } from "../../../protocol/position.ts";
import type { Backlogs } from "../backlog/backlogs.ts";
import { isStuck } from "../backlog/slow-consumers.ts";
import type { Subscriber } from "../subscriber.ts";
import { COST, lengthOf, type WorkMeter } from "../work.ts";

/** Sends a subscriber its catch-up, only as fast as the subscriber takes it. */
export class PacedSink {
  readonly #subscriber: Subscriber;
  readonly #backlogs: Backlogs;
  readonly #backlogHigh: number;
  /** Characters that found no room. */
  #unsent = 0;

  constructor(subscriber: Subscriber, backlogs: Backlogs, backlogHigh: number) {
    this.#subscriber = subscriber;
    this.#backlogs = backlogs;
    this.#backlogHigh = backlogHigh;
  }

  /** Whether the subscriber can take more. `stuck`: it has taken nothing for too long. */
  look(now: number): "ready" | "wait" | "stuck" {
    if (this.#backlogs.look(this.#subscriber, now) > this.#backlogHigh) {
      return isStuck(this.#subscriber, now) ? "stuck" : "wait";
    }
    return this.#backlogs.hasRoom(this.#subscriber, this.#unsent) ? "ready" : "wait";
  }

  hasRoomFor(messages: readonly string[]): boolean {
    return this.hasRoom(lengthOf(messages));
  }

  /** Whether so many characters may be sent. If not, `look` says `ready` when they may. */
  hasRoom(length: number): boolean {
    const hasRoom = this.#backlogs.hasRoom(this.#subscriber, length);
    this.#unsent = hasRoom ? 0 : length;
    return hasRoom;
  }

  /** Sends messages that bring the client to a position, or to none if more must follow. `epoch`: the feed's. */
  send(messages: readonly string[], to: Position | undefined, epoch: string, now: number, meter: WorkMeter): void {
    const subscriber = this.#subscriber;
    if (to) subscriber.reach(to);
    for (const message of messages) meter.work += COST.message + message.length;
    // A client cannot resume while an answer to `subscribe` is to come: it would wait for it in vain. Nor in an old epoch.
    const canResume = subscriber.resubscribes.length === 0 && to?.epoch === epoch;
    subscriber.sink.send(messages, canResume ? to?.seq : undefined);
    this.#backlogs.look(subscriber, now);
  }
}
