import { PUBLISH_KEY, type Lab, type ServeOptions } from "../lab.ts";
import type { PublishEndpoint } from "../load/publish-connection.ts";
import { startWorkerd } from "./on-workerd.ts";
import type { RunningTarget, Target } from "./target.ts";

/** A new feed on a bare workerd, with its storage on disk. */
export const tickertape: Target = {
  name: "tickertape",
  start: (lab, inspectorPort) => serve(lab, { inspectorPort }),
};

/** Publishers that no rate holds back: `OTHER_KEY` is one more. */
export const OTHER_KEY = "bench-other-key";
const UNLIMITED = {
  PUBLISH_KEY: `${PUBLISH_KEY},${OTHER_KEY}`,
  PUBLISH_RATE: "1000000",
  PUBLISH_BURST: "10000000",
};

/** The same without limits of rate. */
export const unlimited: Target = {
  name: "tickertape, no limits of rate",
  start: (lab, inspectorPort) => serve(lab, { inspectorPort, bindings: UNLIMITED }),
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

export function publishEndpoint(port: number, feed: string, key = PUBLISH_KEY): PublishEndpoint {
  return { port, path: `/v1/feeds/${feed}`, headers: { Authorization: `Bearer ${key}` } };
}
