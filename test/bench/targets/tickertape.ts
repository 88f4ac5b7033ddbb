import { Workerd } from "../../e2e/support/workerd.ts";
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

/** The same, and subscribers that offer it get their messages compressed. */
export const compressing: Target = {
  name: "tickertape, compressing",
  async start(lab) {
    const storage = await lab.folder("storage");
    const workerd = await Workerd.start({ build: await lab.worker(), storage, bindings: { PUBLISH_KEY }, flags: [] });
    lab.track(workerd.process);
    return {
      pids: async () => [workerd.process.pid ?? 0],
      publish: publishEndpoint(workerd.port, "bench"),
      subscribe: { port: workerd.port, path: "/v1/feeds/bench" },
      async stop() {
        await workerd.kill();
        await lab.discard(storage);
      },
    };
  },
};

export function publishEndpoint(port: number, feed: string): PublishEndpoint {
  return { port, path: `/v1/feeds/${feed}`, headers: { Authorization: `Bearer ${PUBLISH_KEY}` } };
}
