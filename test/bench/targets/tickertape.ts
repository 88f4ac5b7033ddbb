import { PUBLISH_KEY } from "../lab.ts";
import type { PublishEndpoint } from "../load/lane.ts";
import { startWorkerd } from "./on-workerd.ts";
import type { Target } from "./target.ts";

/** A new feed on a bare workerd, with its storage on disk. */
export const tickertape: Target = {
  name: "tickertape",
  start: async (lab, inspectorPort) =>
    startWorkerd(
      lab,
      await lab.worker(),
      (port) => ({ publish: publishEndpoint(port, "bench"), subscribe: { path: "/v1/feeds/bench" } }),
      inspectorPort,
    ),
};

export function publishEndpoint(port: number, feed: string): PublishEndpoint {
  return { port, path: `/v1/feeds/${feed}`, headers: { Authorization: `Bearer ${PUBLISH_KEY}` } };
}
