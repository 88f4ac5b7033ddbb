import type { Lab } from "../lab.ts";
import { cpuSeconds } from "../load/cpu.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { batch, update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";
import { publishEndpoint } from "../targets/tickertape.ts";

const KEYS = 1_000;
const VALUE_BYTES = 100;
const WARM_UP_SECONDS = 0.5;
const CASES: readonly { name: string; load: Load; updates: number; isIdempotent?: true }[] = [
  { name: "single, one at a time", load: { inFlight: 1 }, updates: 1 },
  { name: "single, 16 in flight", load: { inFlight: 16 }, updates: 1 },
  { name: "single, 16 in flight, Idempotency-Key", load: { inFlight: 16 }, updates: 1, isIdempotent: true },
  { name: "single, 500/s", load: { rate: 500 }, updates: 1 },
  { name: "100 a POST, one at a time", load: { inFlight: 1 }, updates: 100 },
  { name: "100 a POST, 16 in flight", load: { inFlight: 16 }, updates: 100 },
];

export const publish: Scenario = {
  name: "publish",
  about: "POSTs to a feed of 1,000 keys that nobody watches",
  async prepare(lab) {
    await lab.worker();
    return CASES.map(({ name, load, updates, isIdempotent = false }) => ({
      name,
      run: () => measure(lab, load, updates, isIdempotent),
    }));
  },
};

async function measure(lab: Lab, load: Load, updates: number, isIdempotent: boolean): Promise<Figures> {
  const storage = await lab.folder("storage");
  const workerd = await lab.serve(await lab.worker(), storage);
  const pid = workerd.process.pid ?? 0;
  const publisher = new Publisher(publishEndpoint(workerd.port, "bench"), (i) => ({
    body: updates === 1 ? update(i % KEYS, VALUE_BYTES) : batch(i * updates, updates, KEYS, VALUE_BYTES),
    idempotencyKey: isIdempotent ? `publish-${i}` : undefined,
  }));
  try {
    await publisher.publish(load, WARM_UP_SECONDS);
    const cpuBefore = await cpuSeconds(pid);
    const { posts, refused, latencies, seconds } = await publisher.publish(load, lab.seconds);
    const cpuUsed = (await cpuSeconds(pid)) - cpuBefore;
    if (refused > 0) throw new Error(`${refused} POSTs were refused`);
    return {
      "POSTs/s": posts / seconds,
      "updates/s": (posts * updates) / seconds,
      "p50 ms": percentile(latencies, 0.5),
      "p99 ms": percentile(latencies, 0.99),
      "CPU us/POST": (cpuUsed * 1e6) / posts,
      "CPU us/update": (cpuUsed * 1e6) / (posts * updates),
    };
  } finally {
    publisher.close();
    await workerd.kill();
    await lab.discard(storage);
  }
}
