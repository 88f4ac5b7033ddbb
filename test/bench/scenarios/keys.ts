import type { Lab } from "../lab.ts";
import { socketsWithinLimit } from "../load/files.ts";
import { fill } from "../load/fill.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { tickertape } from "../targets/tickertape.ts";
import { measureFanout } from "./fanout.ts";

const SIZES = [100, 1_000, 10_000];
const RATE = 200;
const VALUE_BYTES = 50;
/** Has no factor in common with the sizes, so that its multiples reach every key before any key repeats. */
const STEP = 7_919;

export const keys: Scenario = {
  name: "keys",
  about: `N sockets, each watching 1 of N keys, ${RATE} updates/s of keys all over`,
  async prepare(lab) {
    await lab.worker();
    return SIZES.map((size) => ({ name: size.toLocaleString("en-US"), run: () => measure(lab, size) }));
  },
};

async function measure(lab: Lab, size: number): Promise<Figures> {
  const sockets = await socketsWithinLimit(size);
  const server = await tickertape.start(lab);
  try {
    await fill(server.publish, size, VALUE_BYTES);
    const watching = { ...server, subscribe: { ...server.subscribe, path: `${server.subscribe.path}?keys=K{i}` } };
    const figures = await measureFanout(lab, watching, {
      subscribers: sockets,
      keys: size,
      valueBytes: VALUE_BYTES,
      load: { rate: RATE },
      key: (i) => (i * STEP) % sockets,
      isSparse: true,
    });
    return { sockets, ...figures };
  } finally {
    await server.stop();
  }
}
