import type { Lab } from "../lab.ts";
import { CpuMeter } from "../load/cpu.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { batch, update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";
import { bareObject } from "../targets/all.ts";
import { withServer, type Target } from "../targets/target.ts";
import { tickertape, unlimited } from "../targets/tickertape.ts";

const KEYS = 1_000;
const VALUE_BYTES = 100;
const WARM_UP_SECONDS = 0.5;
const SESSION = `~session/${"b".repeat(22)}/`;

interface Pattern {
  readonly name: string;
  readonly load: Load;
  readonly updates: number;
  readonly isIdempotent?: true;
  /** Whether its publishes are numbered: see [IDEM6] of the specification. */
  readonly isSession?: true;
  readonly isSocket?: true;
  readonly target?: Target;
}

const CASES: readonly Pattern[] = [
  { name: "single, one at a time", load: { inFlight: 1 }, updates: 1 },
  { name: "single, 16 in flight", load: { inFlight: 16 }, updates: 1 },
  { name: "single, 16 in flight, Idempotency-Key", load: { inFlight: 16 }, updates: 1, isIdempotent: true },
  { name: "single, 500/s", load: { rate: 500 }, updates: 1 },
  { name: "single, 1 in flight, socket", load: { inFlight: 1 }, updates: 1, isSocket: true, target: unlimited },
  { name: "single, 16 in flight, socket", load: { inFlight: 16 }, updates: 1, isSocket: true, target: unlimited },
  {
    name: "single, 16 in flight, socket, session",
    load: { inFlight: 16 },
    updates: 1,
    isSocket: true,
    isSession: true,
    target: unlimited,
  },
  { name: "single, 64 in flight, socket", load: { inFlight: 64 }, updates: 1, isSocket: true, target: unlimited },
  { name: "single, 500/s, socket", load: { rate: 500 }, updates: 1, isSocket: true },
  {
    name: "10 a message, 16 in flight, socket",
    load: { inFlight: 16 },
    updates: 10,
    isSocket: true,
    target: unlimited,
  },
  {
    name: "100 a message, 16 in flight, socket",
    load: { inFlight: 16 },
    updates: 100,
    isSocket: true,
    target: unlimited,
  },
  { name: "100 a POST, one at a time", load: { inFlight: 1 }, updates: 100 },
  { name: "100 a POST, 16 in flight", load: { inFlight: 16 }, updates: 100 },
  // Reads the body and answers: the platform's cost of the request alone.
  { name: "single, 16 in flight, bare object", load: { inFlight: 16 }, updates: 1, target: bareObject },
];

export const publish: Scenario = {
  name: "publish",
  about: "what is published to a feed of 1,000 keys that nobody watches",
  async prepare(lab) {
    await lab.worker();
    return CASES.map((pattern) => ({ name: pattern.name, run: () => measure(lab, pattern) }));
  },
};

async function measure(lab: Lab, pattern: Pattern): Promise<Figures> {
  const { load, updates, isIdempotent = false, isSession = false, isSocket, target = tickertape } = pattern;
  return withServer(lab, target, async (server) => {
    const meter = new CpuMeter(() => server.pids());
    const publisher = new Publisher({ ...server.publish, isSocket }, (i) => ({
      body: updates === 1 ? update(i % KEYS, VALUE_BYTES) : batch(i * updates, updates, KEYS, VALUE_BYTES),
      idempotencyKey: isSession ? `${SESSION}${i + 1}` : isIdempotent ? `publish-${i}` : undefined,
    }));
    try {
      await publisher.publish(load, WARM_UP_SECONDS);
      await meter.begin();
      const { posts, refused, latencies, seconds } = await publisher.publish(load, lab.seconds);
      const { serverSeconds, server: serverCpu, generator } = await meter.end();
      if (refused > 0) throw new Error(`${refused} publishes were refused`);
      return {
        "POSTs/s": posts / seconds,
        "updates/s": (posts * updates) / seconds,
        "p50 ms": percentile(latencies, 0.5),
        "p99 ms": percentile(latencies, 0.99),
        "CPU us/POST": (serverSeconds * 1e6) / posts,
        "CPU us/update": (serverSeconds * 1e6) / (posts * updates),
        "server CPU %": serverCpu,
        "generator CPU %": generator,
      };
    } finally {
      publisher.close();
    }
  });
}
