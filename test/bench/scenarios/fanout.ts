import type { Lab } from "../lab.ts";
import { CpuMeter } from "../load/cpu.ts";
import { Crowd } from "../load/crowd.ts";
import { needSockets, socketsWithinLimit } from "../load/files.ts";
import { fill } from "../load/fill.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { batch, update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";
import { installedTargets } from "../targets/all.ts";
import { withServer, type RunningTarget } from "../targets/target.ts";
import { tickertape } from "../targets/tickertape.ts";

const SUBSCRIBERS = 1_000;
const LOADS: readonly [name: string, load: Load][] = [
  ["20/s", { rate: 20 }],
  ["100/s", { rate: 100 }],
  ["200/s", { rate: 200 }],
  ["500/s", { rate: 500 }],
  ["16 in flight", { inFlight: 16 }],
];
/** With how many subscribers and keys the cost of an update is measured. */
const GROWN: readonly [subscribers: number, keys: number][] = [
  [100, 1_000],
  [1_000, 1_000],
  [5_000, 1_000],
  [1_000, 10],
  [1_000, 10_000],
];
const GROWTH_RATE = 100;
/** Sockets that each watch a key of their own. */
const WATCHERS = [100, 1_000, 10_000];
const WATCHED_RATE = 200;
/** Has no factor in common with `WATCHERS`, so that its multiples reach every key before any key repeats. */
const STRIDE = 7_919;
/** So many keys that waiting updates seldom share a key: a merged update is work that was not done. */
const KEYS = 1_000;
const VALUE_BYTES = 50;
/**
 * First at full speed, so that the code is compiled as it is in a server that has run for a minute. Then the load
 * itself, until nothing else is queued.
 */
const WARM_UP: readonly [load: Load | undefined, seconds: number][] = [
  [{ inFlight: 16 }, 2],
  [undefined, 1],
];

export const fanout: Scenario = {
  name: "fanout",
  about: "single updates of 50 bytes, one POST each, to 1,000 subscribers of everything",
  async prepare(lab) {
    const targets = await installedTargets();
    return LOADS.flatMap(([name, load]) =>
      targets.map((target) => ({
        name: `${name}, ${target.name}`,
        // Ours is left out of the peers: the ratio is to the best of the others.
        contest: { of: name, isPeer: target !== tickertape, figure: "delivered/s" },
        run: () =>
          withServer(lab, target, (server) =>
            measureFanout(lab, server, { subscribers: SUBSCRIBERS, keys: KEYS, load }),
          ),
      })),
    );
  },
};

export const growth: Scenario = {
  name: "growth",
  about: `what ${GROWTH_RATE} updates/s cost with more subscribers of everything, and with more keys`,
  async prepare(lab) {
    return GROWN.map(([subscribers, keys]) => ({
      name: `${subscribers.toLocaleString("en-US")} subscribers, ${keys.toLocaleString("en-US")} keys`,
      run: () =>
        withServer(lab, tickertape, async (server) => {
          await needSockets(subscribers);
          await fill(server.publish, keys, VALUE_BYTES);
          return measureFanout(lab, server, { subscribers, keys, load: { rate: GROWTH_RATE } });
        }),
    }));
  },
};

export const keys: Scenario = {
  name: "keys",
  about: `N sockets, each watching 1 of N keys, ${WATCHED_RATE} updates/s of keys all over`,
  async prepare(lab) {
    return WATCHERS.map((size) => ({
      name: size.toLocaleString("en-US"),
      run: () =>
        withServer(lab, tickertape, async (server) => {
          const sockets = await socketsWithinLimit(size);
          await fill(server.publish, size, VALUE_BYTES);
          const watching = {
            ...server,
            subscribe: { ...server.subscribe, path: `${server.subscribe.path}?keys=K{i}` },
          };
          const load = { subscribers: sockets, keys: size, load: { rate: WATCHED_RATE }, isSparse: true };
          return { sockets, ...(await measureFanout(lab, watching, { ...load, key: (i) => (i * STRIDE) % sockets })) };
        }),
    }));
  },
};

export interface FanoutLoad {
  readonly subscribers: number;
  readonly keys: number;
  readonly load: Load;
  /** The key of the i-th POST; by default one key after the other. */
  readonly key?: (i: number) => number;
  /** Each subscriber gets a few updates only. */
  readonly isSparse?: boolean;
  /** Updates that are published together. */
  readonly batch?: number;
}

/** Publishes to a running server with this many subscribers, and returns what was measured. */
export async function measureFanout(lab: Lab, server: RunningTarget, asked: FanoutLoad): Promise<Figures> {
  const { subscribers, keys, load, key = (i) => i % keys, isSparse = false, batch: size = 1 } = asked;
  const crowd = await Crowd.open(lab, server.subscribe, subscribers, isSparse);
  const publisher = new Publisher(server.publish, (i) => ({
    body: size === 1 ? update(key(i), VALUE_BYTES) : batch(i * size, size, keys, VALUE_BYTES),
  }));
  const meter = new CpuMeter(() => server.pids(), [crowd.pid]);
  try {
    for (const [before = load, seconds] of WARM_UP) await publisher.publish(before, seconds);
    await crowd.finish();
    await crowd.begin();
    await meter.begin();
    const published = await publisher.publish(load, lab.seconds);
    const { server: serverCpu, generator } = await meter.end();
    const { updates, messages, last, first, samples } = await crowd.finish();
    const { serverSeconds } = await meter.end();
    if (published.refused > 0) throw new Error(`${published.refused} POSTs were refused`);
    const audience = isSparse ? 1 : subscribers;
    return {
      "published/s": published.posts / published.seconds,
      unanswered: published.offered - published.posts,
      "delivered/s": (updates / (last - first)) * 1000,
      "in time %": (100 * updates * samples.inTime) / (published.offered * size * audience),
      "p50 ms": samples.p50,
      "p99 ms": samples.p99,
      "receipt p50 ms": percentile(published.latencies, 0.5),
      "receipt p99 ms": percentile(published.latencies, 0.99),
      "updates/frame": updates / messages,
      "frames/s": (messages / (last - first)) * 1000,
      "CPU us/update": (serverSeconds * 1e6) / updates,
      "CPU us/frame": (serverSeconds * 1e6) / messages,
      "server CPU %": serverCpu,
      "generator CPU %": generator,
    };
  } finally {
    publisher.close();
    await crowd.close();
  }
}
