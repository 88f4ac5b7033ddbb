import { freePort } from "../../e2e/support/workerd.ts";
import type { Attack } from "../hostile/attack.ts";
import { Prepared } from "../hostile/prepared.ts";
import { Probe } from "../hostile/probe.ts";
import { PUBLISHING } from "../hostile/publishing.ts";
import { READING } from "../hostile/reading.ts";
import { AttackRunner } from "../hostile/attack-runner.ts";
import { SLEEPERS, wakeUp, type Sleepers } from "../hostile/sleepers.ts";
import { TALKING } from "../hostile/talking.ts";
import type { Lab } from "../lab.ts";
import { clock, pause } from "../load/clock.ts";
import { CpuMeter } from "../load/cpu.ts";
import { Inspector } from "../load/inspector.ts";
import { longestTask } from "../load/profile.ts";
import { residentBytes } from "../load/memory.ts";
import type { Case, Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";

/** Milliseconds. */
const WARM_UP = 1_000;
const CALM = 2_000;
const PROBE_EVERY = 20;
/** Milliseconds. One attempt is not waited for any longer. */
const LONGEST_ATTEMPT = 15_000;
const QUIET_TIME = 10_000;
/** Attempts whose longest task is looked for: the table has their median. */
const PROFILED = 3;

export const worst: Scenario = {
  name: "worst",
  about: "the most expensive message of each kind, and a loop of it: how long another publisher waits, in ms",
  mostRuns: 1,
  async prepare(lab) {
    await lab.worker();
    const prepared = new Prepared(lab);
    const attacks = [...PUBLISHING, ...READING, ...TALKING];
    return [
      ...attacks.map((attack): Case => ({ name: attack.name, run: () => underAttack(lab, prepared, attack) })),
      ...SLEEPERS.map((sleepers): Case => ({ name: sleepers.name, run: () => measureWaking(prepared, sleepers) })),
    ];
  },
};

async function underAttack(lab: Lab, prepared: Prepared, attack: Attack): Promise<Figures> {
  const inspectorPort = await freePort();
  const server = await prepared.serve(attack.filling, { inspectorPort });
  const { workerd, pid, target } = server;
  const probe = Probe.start(target, 1_000 / PROBE_EVERY);
  const runner = new AttackRunner(attack.name, target);
  try {
    await probe.watch(WARM_UP);
    const calm = await probe.watch(CALM);
    const before = await residentBytes(pid);
    await runner.prepare();
    await probe.waitUntilCalm(QUIET_TIME);
    const meter = new CpuMeter(async () => [pid]);
    await meter.begin();
    const struck = clock();
    await Promise.race([runner.attempt(), pause(LONGEST_ATTEMPT)]);
    await probe.waitUntilCalm(QUIET_TIME);
    // What was in flight when the attempt came has waited for it too.
    const one = probe.since(struck - PROBE_EVERY);
    const { serverSeconds } = await meter.end();
    const tasks: number[] = [];
    const inspector = await Inspector.open(inspectorPort, workerd.port);
    for (let i = 0; i < PROFILED; i++) {
      tasks.push(await longestTask(inspector, () => Promise.race([runner.attempt(), pause(LONGEST_ATTEMPT)])));
      await probe.waitUntilCalm(QUIET_TIME);
    }
    inspector.close();
    const first = await runner.look();
    const looped = clock();
    await runner.loop();
    await pause(lab.seconds * 1_000);
    const many = probe.since(looped);
    const { attempts, results } = await runner.look();
    const resident = await residentBytes(pid);
    process.stderr.write(`  ${JSON.stringify(results)}\n`);
    return {
      "calm p99": calm.p99,
      "one: longest task": percentile(tasks, 0.5),
      "one: max": one.max,
      "one: CPU": serverSeconds * 1_000,
      "loop: p50": many.p50,
      "loop: p99": many.p99,
      "loop: max": many.max,
      "loop: /s": (attempts - first.attempts) / lab.seconds,
      "RSS growth MB": (resident - before) / 1e6,
    };
  } finally {
    await runner.end();
    await server.stop();
    await probe.stop();
  }
}

/** Not a loop: the feed has to fall asleep before each. */
async function measureWaking(prepared: Prepared, sleepers: Sleepers): Promise<Figures> {
  const server = await prepared.serve(sleepers.filling);
  const { pid, target } = server;
  try {
    const before = await residentBytes(pid);
    const { calm, one, cpu } = await wakeUp(pid, target, sleepers);
    return {
      "calm p99": calm,
      "one: longest task": NaN,
      "one: max": one,
      "one: CPU": cpu,
      "loop: p50": NaN,
      "loop: p99": NaN,
      "loop: max": NaN,
      "loop: /s": NaN,
      "RSS growth MB": ((await residentBytes(pid)) - before) / 1e6,
    };
  } finally {
    await server.stop();
  }
}
