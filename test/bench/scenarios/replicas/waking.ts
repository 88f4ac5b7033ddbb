import type { Lab } from "../../lab.ts";
import { clock, pause } from "../../load/clock.ts";
import { Crowd } from "../../load/crowd.ts";
import { fill, postAll } from "../../load/fill.ts";
import { update } from "../../load/updates.ts";
import type { Figures, Scenario } from "../../scenario.ts";
import { Apart } from "../../targets/apart.ts";

const REPLICAS = 4;
const SUBSCRIBERS = 400;
const KEYS = 1_000;
const VALUE_BYTES = 100;
/** Milliseconds. The leader looks after its replicas once more after 15 s, and an object hibernates 10 s after its last work. */
const UNTIL_ASLEEP = 30_000;
/** Milliseconds in which all subscribers have the update. */
const LONGEST_WAIT = 2_000;

export const waking: Scenario = {
  name: "replicas",
  about: "all objects sleep: from a POST to its receipt, and to the first and the last of 400 subscribers, in ms",
  async prepare(lab) {
    return [
      { name: `sleep, ${REPLICAS} replicas`, run: () => measure(lab, REPLICAS) },
      { name: "sleep, the leader alone", run: () => measure(lab, 0) },
    ];
  },
};

async function measure(lab: Lab, replicas: number): Promise<Figures> {
  const apart = await Apart.start(lab, { replicas });
  let crowd: Crowd | undefined;
  try {
    await fill(apart.publish(), KEYS, VALUE_BYTES);
    crowd = await Crowd.open(lab, replicas === 0 ? apart.direct() : apart.distant(), SUBSCRIBERS);
    await postAll(apart.publish(), [update(0, VALUE_BYTES)]);
    await pause(UNTIL_ASLEEP);
    await crowd.begin();
    const before = await apart.counts();
    const start = clock();
    await postAll(apart.publish(), [update(0, VALUE_BYTES)]);
    const receipt = clock() - start;
    await pause(LONGEST_WAIT);
    const { first, last, updates } = await crowd.finish();
    if (updates !== SUBSCRIBERS) throw new Error(`${updates} of ${SUBSCRIBERS} subscribers got the update`);
    const after = await apart.counts();
    const woken = after.leader.loaded - before.leader.loaded + after.replicas.loaded - before.replicas.loaded;
    return { receipt, first: first - start, last: last - start, "objects woken": woken };
  } finally {
    await crowd?.close();
    await apart.stop();
  }
}
