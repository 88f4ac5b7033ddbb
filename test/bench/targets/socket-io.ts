import { startNode } from "./node-process.ts";
import type { Target } from "./target.ts";

/** socket.io 4 on Node, in one process. */
export const socketIo: Target = {
  name: "socket.io",
  async start(lab) {
    const subscribe = { path: "/socket.io/?EIO=4&transport=websocket", dialect: "engine.io" } as const;
    return startNode(lab, "socket-io-process.ts", [await lab.peer("socket.io")], subscribe);
  },
};
