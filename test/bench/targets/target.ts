import type { Lab } from "../lab.ts";
import type { PublishEndpoint } from "../load/lane.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";

/**
 * A server that carries what is POSTed to it to all who subscribed over WebSocket. To compare with another one, add a
 * file beside this one and name it in `targets/all.ts`.
 */
export interface Target {
  readonly name: string;
  /** Whether it can be run on this machine, for one that cannot be installed by npm. */
  isInstalled?(): Promise<boolean>;
  /** `inspectorPort`: where V8's inspector is to listen, for a server on workerd. */
  start(lab: Lab, inspectorPort?: number): Promise<RunningTarget>;
}

export interface RunningTarget {
  /** The server's processes at this moment, whose CPU is counted. */
  pids(): Promise<readonly number[]>;
  readonly publish: PublishEndpoint;
  readonly subscribe: SubscribeEndpoint;
  stop(): Promise<void>;
}
