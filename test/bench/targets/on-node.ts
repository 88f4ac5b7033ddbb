import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { Target } from "./target.ts";
import type { SubscribeEndpoint } from "../load/raw-subscriber.ts";

/** The `ws` package. */
export const ws = onNode("ws", { path: "/" });

/** The same with `perMessageDeflate` and its defaults. */
export const compressingWs = onNode("ws, deflate", { path: "/" });

/** socket.io 4. */
export const socketIo = onNode(
  "socket.io",
  { path: "/socket.io/?EIO=4&transport=websocket", dialect: "engine.io" },
  (lab) => lab.peer("socket.io"),
);

/** A server on plain Node, in one process, which sends its port once it listens. */
function onNode(
  name: string,
  subscribe: Omit<SubscribeEndpoint, "port">,
  find: (lab: Lab) => Promise<string> = async () => "",
): Target {
  return {
    name,
    async start(lab) {
      const child = fork(join(import.meta.dirname, "node-process.ts"), [name, await find(lab)]);
      lab.track(child);
      const [port]: number[] = await once(child, "message");
      if (port === undefined) throw new Error(`${name} did not start`);
      return {
        pids: async () => [child.pid ?? 0],
        publish: { port, path: "/", headers: {} },
        subscribe: { port, ...subscribe },
        stop: () => lab.end(child),
      };
    },
  };
}
