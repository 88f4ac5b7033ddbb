import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { RunningTarget } from "./target.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";

/** Starts one of the `*-process.ts` files in this folder, which sends its port once it listens. */
export async function startNode(
  lab: Lab,
  file: string,
  args: readonly string[],
  subscribe: Omit<SubscribeEndpoint, "port">,
): Promise<RunningTarget> {
  const child = fork(join(import.meta.dirname, file), args);
  lab.track(child);
  const [port]: number[] = await once(child, "message");
  if (port === undefined) throw new Error(`${file} did not start`);
  return {
    pids: async () => [child.pid ?? 0],
    publish: { port, path: "/", headers: {} },
    subscribe: { port, ...subscribe },
    stop: () => lab.end(child),
  };
}
