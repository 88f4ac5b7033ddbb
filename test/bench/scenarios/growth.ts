import type { Lab } from "../lab.ts";
import { needSockets } from "../load/files.ts";
import { fill } from "../load/fill.ts";
import type { Case, Figures, Scenario } from "../scenario.ts";
import { tickertape } from "../targets/tickertape.ts";
import { measureFanout } from "./fanout.ts";

const RATE = 100;
const VALUE_BYTES = 50;
const SUBSCRIBERS = [100, 1_000, 5_000];
const KEYS = [10, 1_000, 10_000];
const MIDDLE = 1_000;

export const growth: Scenario = {
  name: "growth",
  about: `what ${RATE} updates/s cost with more subscribers of everything, and with more keys`,
  async prepare(lab) {
    await lab.worker();
    return [
      ...SUBSCRIBERS.map((subscribers) => growthCase(lab, subscribers, MIDDLE)),
      ...KEYS.filter((keys) => keys !== MIDDLE).map((keys) => growthCase(lab, MIDDLE, keys)),
    ];
  },
};

function growthCase(lab: Lab, subscribers: number, keys: number): Case {
  const name = `${subscribers.toLocaleString("en-US")} subscribers, ${keys.toLocaleString("en-US")} keys`;
  return { name, run: () => measure(lab, subscribers, keys) };
}

async function measure(lab: Lab, subscribers: number, keys: number): Promise<Figures> {
  await needSockets(subscribers);
  const server = await tickertape.start(lab);
  try {
    await fill(server.publish, keys, VALUE_BYTES);
    return await measureFanout(lab, server, { subscribers, keys, valueBytes: VALUE_BYTES, load: { rate: RATE } });
  } finally {
    await server.stop();
  }
}
