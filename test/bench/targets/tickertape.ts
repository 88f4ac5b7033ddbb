import { PUBLISH_KEY, type Lab, type ServeOptions } from "../lab.ts";
import type { PublishEndpoint } from "../load/publish-connection.ts";
import { startWorkerd } from "./on-workerd.ts";
import type { RunningTarget, Target } from "./target.ts";

/** A new feed on a bare workerd, with its storage on disk. */
export const tickertape: Target = {
  name: "tickertape",
  start: (lab, inspectorPort) => serve(lab, { inspectorPort }),
};

/** The same without the flag against compression: messages are compressed for subscribers that offer it. */
export const compressing: Target = {
  name: "tickertape, compressing",
  start: (lab, inspectorPort) => serve(lab, { inspectorPort, flags: [] }),
};

async function serve(lab: Lab, options: ServeOptions): Promise<RunningTarget> {
  return startWorkerd(lab, await lab.worker(), endpoints, options);
}

function endpoints(port: number): { publish: PublishEndpoint; subscribe: { path: string } } {
  return { publish: publishEndpoint(port, "bench"), subscribe: { path: "/v1/feeds/bench" } };
}

export function publishEndpoint(port: number, feed: string): PublishEndpoint {
  return { port, path: `/v1/feeds/${feed}`, headers: { Authorization: `Bearer ${PUBLISH_KEY}` } };
}
