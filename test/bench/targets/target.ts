import type { Lab } from "../lab.ts";
import type { PublishEndpoint } from "../load/publish-connection.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";

/**
 * A server that forwards what is POSTed to all WebSocket subscribers. To compare with another one, add a file to this
 * folder and name it in `targets/all.ts`.
 */
export interface Target {
  readonly name: string;
  /** Whether it can run on this machine, for a server that npm cannot install. */
  isInstalled?(): Promise<boolean>;
  /** `inspectorPort`: the port for V8's inspector, for a server on workerd. */
  start(lab: Lab, inspectorPort?: number): Promise<RunningTarget>;
}

export interface RunningTarget {
  /** The server's processes at this moment. Their CPU is counted. */
  pids(): Promise<readonly number[]>;
  readonly publish: PublishEndpoint;
  readonly subscribe: SubscribeEndpoint;
  stop(): Promise<void>;
}

/** Starts a server, uses it, and stops it. */
export async function withServer<T>(
  lab: Lab,
  target: Target,
  use: (server: RunningTarget) => Promise<T>,
  inspectorPort?: number,
): Promise<T> {
  const server = await target.start(lab, inspectorPort);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}
