import type { EncodedMessage } from "../../src/feed/fanout/encoded-message.ts";
import type { Sink, Subscriber } from "../../src/feed/fanout/subscriber.ts";
import type { Region } from "../../src/placement/regions.ts";
import { View } from "../support/view.ts";

/** An object of the simulation that serves subscribers. */
export interface Server {
  readonly deliveries: { send(message: EncodedMessage, watcher: Watcher): void };
  leave(watcher: Watcher): void;
}

/** A subscriber of everything, with nothing of a socket but what is sent. It takes all at once. */
export class Watcher implements Sink {
  /** Its IP address: no two share one. */
  readonly account: string;
  readonly region: Region;
  /** When it first asked, by the simulated clock. */
  askedAt = 0;
  /** Where it is; -1 before its snapshot. */
  seq = -1;
  server: Server | undefined;
  subscriber: Subscriber | undefined;
  /** What it has of the feed, of those few that keep it. */
  readonly view: View | undefined;
  hasLeft = false;

  constructor(account: string, region: Region, hasView: boolean) {
    this.account = account;
    this.region = region;
    this.view = hasView ? new View() : undefined;
  }

  send(message: EncodedMessage): void {
    this.server?.deliveries.send(message, this);
    if (!this.view) return;
    this.view.receive(message.text);
    // Only its state is looked at.
    this.view.messages.length = 0;
  }

  clearPosition(): void {}

  backlog(): number {
    return 0;
  }

  drop(): void {
    throw new Error("a subscriber was closed");
  }
}
