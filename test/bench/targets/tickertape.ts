import { PUBLISH_KEY } from "../lab.ts";
import type { PublishEndpoint } from "../load/lane.ts";
import type { Target } from "./target.ts";

/** A new feed on a bare workerd, with its storage on disk. */
export const tickertape: Target = {
  name: "tickertape",
  async start(lab) {
    const storage = await lab.folder("storage");
    const workerd = await lab.serve(await lab.worker(), storage);
    const { port } = workerd;
    return {
      pids: [workerd.process.pid ?? 0],
      publish: publishEndpoint(port, "bench"),
      subscribe: { port, path: "/v1/feeds/bench" },
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
