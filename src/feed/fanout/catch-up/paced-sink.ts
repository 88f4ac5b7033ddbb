import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Backlogs } from "../backlog/backlogs.ts";
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
    const subscriber = this.#subscriber;
    const most = subscriber.lagging ? Math.min(SERVER_LIMITS.backlogLow, this.#backlogHigh) : this.#backlogHigh;
    if (this.#backlogs.look(subscriber, now) > most) {
      return now - subscriber.movedAt >= SERVER_LIMITS.stuckTime ? "stuck" : "wait";
    }
    subscriber.lagging = false;
    return this.#backlogs.hasRoom(subscriber, this.#unsent) ? "ready" : "wait";
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
    meter.work += COST.message + message.text.length;
    this.#subscriber.send(message, epoch);
    this.#backlogs.look(this.#subscriber, now);
  }
}
