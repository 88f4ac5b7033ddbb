import type { Lab } from "../lab.ts";
import { clock } from "../load/clock.ts";
import { cpuSeconds } from "../load/cpu.ts";
import { Crowd } from "../load/crowd.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";
import type { Target } from "../targets/target.ts";
import { tickertape } from "../targets/tickertape.ts";
import { ws } from "../targets/ws.ts";

/** More servers to compare with go here. */
const TARGETS: readonly Target[] = [tickertape, ws];
const SUBSCRIBERS = [100, 1_000];
const LOADS: readonly [name: string, load: Load][] = [
  ["20/s", { rate: 20 }],
  ["100/s", { rate: 100 }],
  ["500/s", { rate: 500 }],
  ["16 in flight", { inFlight: 16 }],
];
/** So many that updates which wait together are seldom of one key: what is merged away is not work done. */
const KEYS = 1_000;
const VALUE_BYTES = 100;
const WARM_UP_SECONDS = 0.5;

export const fanout: Scenario = {
  name: "fanout",
  about: "single updates, one POST each, to subscribers of everything",
  async prepare(lab) {
    await lab.worker();
    return SUBSCRIBERS.flatMap((subscribers) =>
      LOADS.flatMap(([name, load]) =>
        TARGETS.map((target) => ({
          name: `${subscribers} subscribers, ${name}, ${target.name}`,
          run: () => measure(lab, target, subscribers, load),
        })),
      ),
    );
  },
};

async function measure(lab: Lab, target: Target, subscribers: number, load: Load): Promise<Figures> {
  const server = await target.start(lab);
  const crowd = await Crowd.open(lab, server.subscribe, subscribers);
  const publisher = new Publisher(server.publish, (i) => ({ body: update(i % KEYS, VALUE_BYTES) }));
  const cpu = async (): Promise<number> =>
    (await Promise.all(server.pids.map(cpuSeconds))).reduce((sum, seconds) => sum + seconds);
  try {
    await publisher.publish(load, WARM_UP_SECONDS);
    await crowd.finish();
    await crowd.begin();
    const cpuBefore = await cpu();
    const start = clock();
    const published = await publisher.publish(load, lab.seconds);
    const { updates, messages, last, samples } = await crowd.finish();
    const cpuUsed = (await cpu()) - cpuBefore;
    if (published.refused > 0) throw new Error(`${published.refused} POSTs were refused`);
    return {
      "published/s": published.posts / published.seconds,
      "delivered/s": (updates / (last - start)) * 1000,
      "delivered %": (100 * updates) / (published.posts * subscribers),
      "p50 ms": samples.p50,
      "p99 ms": samples.p99,
      "receipt p50 ms": percentile(published.latencies, 0.5),
      "updates/message": updates / messages,
      "CPU us/update": (cpuUsed * 1e6) / updates,
    };
  } finally {
    publisher.close();
    await crowd.close();
    await server.stop();
  }
}
