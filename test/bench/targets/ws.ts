import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Target } from "./target.ts";

/** Plain Node with the `ws` package, in one process. */
export const ws: Target = {
  name: "ws",
  async start(lab) {
    const child = fork(join(import.meta.dirname, "ws-process.ts"));
    lab.track(child);
    const [port]: number[] = await once(child, "message");
    if (port === undefined) throw new Error("the ws server did not start");
    return {
      pids: [child.pid ?? 0],
      publish: { port, path: "/", headers: {} },
      subscribe: { port, path: "/" },
      stop: () => lab.end(child),
    };
  },
};
