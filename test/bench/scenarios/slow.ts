import type { Lab } from "../lab.ts";
import { CpuMeter } from "../load/cpu.ts";
import { Crowd } from "../load/crowd.ts";
import { MemoryWatch, residentBytes } from "../load/memory.ts";
import { Publisher } from "../load/publisher.ts";
import { StuckReader, type CaughtUp } from "../load/stuck-reader.ts";
import { update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import { tickertape } from "../targets/tickertape.ts";

const SUBSCRIBERS = 100;
/** 100 updates a second of 10 KB: 1 MB/s to each subscriber. */
const LOAD = { rate: 100 };
const VALUE_BYTES = 10_000;
const KEYS = 100;
/** Seconds in which all read before one stops. After that, the server holds what the load itself needs. */
const WARM_UP_SECONDS = 8;
/** Milliseconds between two samples of the memory. The median of the last samples counts. */
const LOOK_EVERY = 500;
const LAST_LOOKS = 10;

export const slow: Scenario = {
  name: "slow",
  about: "100 subscribers at 1 MB/s each, and one more that stops reading for as long as the flood takes",
  mostRuns: 1,
  async prepare(lab) {
    await lab.worker();
    return [
      { name: "all read", run: () => measure(lab, false) },
      { name: "one stops reading", run: () => measure(lab, true) },
    ];
  },
};

async function measure(lab: Lab, isStuck: boolean): Promise<Figures> {
  const server = await tickertape.start(lab);
  const [pid = 0] = await server.pids();
  const crowd = await Crowd.open(lab, server.subscribe, SUBSCRIBERS);
  const publisher = new Publisher(server.publish, (i) => ({ body: update(i % KEYS, VALUE_BYTES) }));
  const meter = new CpuMeter(() => server.pids(), [crowd.pid]);
  const reader = await StuckReader.open(server.subscribe);
  try {
    await publisher.publish(LOAD, WARM_UP_SECONDS);
    await crowd.finish();
    if (isStuck) reader.stop();
    await crowd.begin();
    await meter.begin();
    const before = await residentBytes(pid);
    const watch = new MemoryWatch(pid, LOOK_EVERY);
    const published = await publisher.publish(LOAD, lab.floodSeconds).finally(() => watch.stop());
    const cpu = await meter.end();
    const { samples, updates } = await crowd.finish();
    const caughtUp: CaughtUp | undefined = isStuck ? await reader.catchUp() : undefined;
    return {
      "MB/s": (published.posts * VALUE_BYTES) / published.seconds / 1e6,
      unanswered: published.offered - published.posts,
      "delivered %": (100 * updates) / (published.offered * SUBSCRIBERS),
      "p50 ms": samples.p50,
      "p99 ms": samples.p99,
      "RSS MB": before / 1e6,
      "RSS growth MB": (median(watch.looks.slice(-LAST_LOOKS)) - before) / 1e6,
      "server CPU %": cpu.server,
      "generator CPU %": cpu.generator,
      "closed with": caughtUp?.closed ?? NaN,
      "catch-up KB": (caughtUp?.bytes ?? NaN) / 1_000,
      "catch-up ms": caughtUp?.milliseconds ?? NaN,
      converged: caughtUp?.converged ?? NaN,
    };
  } finally {
    reader.close();
    publisher.close();
    await crowd.close();
    await server.stop();
  }
}
