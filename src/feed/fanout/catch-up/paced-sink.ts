import type { Backlogs } from "../backlog/backlogs.ts";
import { isStuck } from "../backlog/slow-consumers.ts";
import type { EncodedMessage } from "../encoded-message.ts";
import type { Subscriber } from "../subscriber.ts";
import { COST, type WorkMeter } from "../work.ts";

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

  hasRoomFor({ text }: EncodedMessage): boolean {
    return this.hasRoom(text.length);
  }

  /** Whether so many characters may be sent. If not, `look` says `ready` when they may. */
  hasRoom(length: number): boolean {
    const hasRoom = this.#backlogs.hasRoom(this.#subscriber, length);
    this.#unsent = hasRoom ? 0 : length;
    return hasRoom;
  }

  /** Sends a message. `epoch`: the feed's. */
  send(message: EncodedMessage, epoch: string, now: number, meter: WorkMeter): void {
    const subscriber = this.#subscriber;
    const { position, text } = message;
    if (position) subscriber.reach(position);
    meter.work += COST.message + text.length;
    // A client cannot resume while an answer to `subscribe` is to come: it would wait for it in vain. Nor in an old epoch.
    const canResume = subscriber.resubscribes.length === 0 && position?.epoch === epoch;
    subscriber.sink.send(message, canResume ? position.seq : undefined);
    this.#backlogs.look(subscriber, now);
  }
}
