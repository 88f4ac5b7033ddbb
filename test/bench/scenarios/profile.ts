import { freePort } from "../../e2e/support/workerd.ts";
import type { Lab } from "../lab.ts";
import { Crowd } from "../load/crowd.ts";
import { Inspector } from "../load/inspector.ts";
import { takeProfile, type Profile } from "../load/profile.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { bareObject } from "../targets/all.ts";
import type { Target } from "../targets/target.ts";
import { tickertape } from "../targets/tickertape.ts";

const CASES: readonly [target: Target, subscribers: number, name: string, load: Load][] = [
  [tickertape, 1_000, "16 in flight", { inFlight: 16 }],
  [tickertape, 0, "16 in flight", { inFlight: 16 }],
  [bareObject, 0, "16 in flight", { inFlight: 16 }],
  [tickertape, 1_000, "500/s", { rate: 500 }],
];
const KEYS = 1_000;
const VALUE_BYTES = 50;
const WARM_UP_SECONDS = 2;
/** Microseconds. */
const SAMPLE_EVERY = 250;

/** The purpose of a function and of all that it calls. The innermost function named here counts. */
const PURPOSES = new Map([
  ["#encodeFlush", "encoding %"],
  ["sendSlice", "sending %"],
  ["append", "storing %"],
  ["#makeCheckpoint", "storing %"],
]);
const COLLECTOR = "collector %";
const RUNTIME = "runtime %";
const POSTS = "POSTs %";

export const profile: Scenario = {
  name: "profile",
  about: "what the server's thread does while it takes single updates",
  async prepare(lab) {
    return CASES.map(([target, subscribers, name, load]) => ({
      name: `${name}, ${target.name}, ${subscribers.toLocaleString("en-US")} subscribers`,
      run: () => measure(lab, target, subscribers, load),
    }));
  },
};

async function measure(lab: Lab, target: Target, subscribers: number, load: Load): Promise<Figures> {
  const inspectorPort = await freePort();
  const server = await target.start(lab, inspectorPort);
  const crowd = await Crowd.open(lab, server.subscribe, subscribers);
  const publisher = new Publisher(server.publish, (i) => ({ body: update(i % KEYS, VALUE_BYTES) }));
  try {
    await publisher.publish(load, WARM_UP_SECONDS);
    const inspector = await Inspector.open(inspectorPort, server.publish.port);
    const taken = await takeProfile(inspector, SAMPLE_EVERY, () => publisher.publish(load, lab.seconds));
    inspector.close();
    return { "POSTs/s": taken.during.posts / taken.during.seconds, ...shares(taken) };
  } finally {
    publisher.close();
    await crowd.close();
    await server.stop();
  }
}

/** Where the time went, in percent of the time that the thread was busy. */
function shares({ nodes, samples, timeDeltas }: Profile<unknown>): Figures {
  const purposes = purposesOf(nodes);
  const spent = new Map<string, number>();
  let busy = 0;
  for (const [i, sample] of samples.entries()) {
    const purpose = purposes.get(sample);
    if (purpose === undefined) continue;
    const took = timeDeltas[i] ?? 0;
    busy += took;
    spent.set(purpose, (spent.get(purpose) ?? 0) + took);
  }
  const columns = new Set([RUNTIME, COLLECTOR, POSTS, ...PURPOSES.values()]);
  return Object.fromEntries(Array.from(columns, (purpose) => [purpose, (100 * (spent.get(purpose) ?? 0)) / busy]));
}

/** The purpose of each node: its own, else that of its caller. Idle nodes have none. */
function purposesOf(nodes: Profile<unknown>["nodes"]): Map<number, string> {
  const purposes = new Map<number, string>();
  const callers = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
  // A node comes after its caller.
  for (const { id, callFrame } of nodes) {
    const { functionName: name } = callFrame;
    const caller = callers.get(id);
    if (name === "(root)" || name === "(idle)") continue;
    if (name === "(program)") purposes.set(id, RUNTIME);
    else if (name === "(garbage collector)") purposes.set(id, COLLECTOR);
    else purposes.set(id, PURPOSES.get(name) ?? (caller === undefined ? undefined : purposes.get(caller)) ?? POSTS);
  }
  return purposes;
}
