import type { Lab } from "../lab.ts";
import type { PublishEndpoint } from "../load/lane.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";

/**
 * A server that carries what is POSTed to it to all who subscribed over WebSocket. To compare with another one, add a
 * file beside this one and name it in the list of the fan-out scenario.
 */
export interface Target {
  readonly name: string;
  start(lab: Lab): Promise<RunningTarget>;
}

export interface RunningTarget {
  /** The server's processes, whose CPU is counted. */
  readonly pids: readonly number[];
  readonly publish: PublishEndpoint;
  readonly subscribe: SubscribeEndpoint;
  stop(): Promise<void>;
}
