import { startNode } from "./node-process.ts";
import type { Target } from "./target.ts";

/** Plain Node with the `ws` package, in one process. */
export const ws: Target = {
  name: "ws",
  start: (lab) => startNode(lab, "ws-process.ts", [], { path: "/" }),
};

/** The same with `perMessageDeflate` and its defaults. */
export const compressingWs: Target = {
  name: "ws, deflate",
  start: (lab) => startNode(lab, "ws-process.ts", ["deflate"], { path: "/" }),
};
