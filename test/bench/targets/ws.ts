import { startNode } from "./node-process.ts";
import type { Target } from "./target.ts";

/** Plain Node with the `ws` package, in one process. */
export const ws: Target = {
  name: "ws",
  start: (lab) => startNode(lab, "ws-process.ts", [], { path: "/" }),
};
