import type { Lab } from "../lab.ts";
import { Crowd } from "../load/crowd.ts";
import { fill } from "../load/fill.ts";
import type { Case, Figures, Scenario } from "../scenario.ts";
import { stormOf } from "../storm-figures.ts";
import { publishEndpoint } from "../targets/tickertape.ts";

const CLIENTS = 1_000;
const KEYS = 1_000;
const VALUE_BYTES = 100;
/** Keys that change while the clients are away. */
const MISSED = 100;
const PATH = "/v1/feeds/bench";
/** Clients that connect before the measurement, so that the code is compiled. */
const EARLIER = 50;

export const storm: Scenario = {
  name: "storm",
  about: "1,000 clients connect at once to a feed of 1,000 keys of 100 bytes; ms until each has its state",
  async prepare(lab) {
    await lab.worker();
    const cases: [name: string, comesBack: boolean, isRestarted: boolean][] = [
      ["new clients", false, false],
      ["new clients, server just restarted", false, true],
      ["with since, server just restarted", true, true],
    ];
    return cases.map(([name, comesBack, isRestarted]): Case => ({
      name,
      run: () => measure(lab, comesBack, isRestarted),
    }));
  },
};

async function measure(lab: Lab, comesBack: boolean, isRestarted: boolean): Promise<Figures> {
  const storage = await lab.folder("storage");
  let workerd = await lab.serve(await lab.worker(), storage);
  const crowd = Crowd.empty(lab);
  try {
    await fill(publishEndpoint(workerd.port, "bench"), KEYS, VALUE_BYTES);
    const before = await position(workerd.port);
    await fill(publishEndpoint(workerd.port, "bench"), MISSED, VALUE_BYTES);
    if (isRestarted) {
      await workerd.kill();
      workerd = await lab.serve(await lab.worker(), storage);
    } else await crowd.storm({ port: workerd.port, path: PATH }, EARLIER, before.seq + MISSED);
    const { pid = 0 } = workerd.process;
    const path = comesBack ? `${PATH}?since=${before.epoch}:${before.seq}` : PATH;
    return await stormOf(crowd, CLIENTS, { port: workerd.port, path }, before.seq + MISSED, [pid]);
  } finally {
    await crowd.close();
    await workerd.kill();
    await lab.discard(storage);
  }
}

async function position(port: number): Promise<{ epoch: string; seq: number }> {
  const response = await fetch(`http://127.0.0.1:${port}${PATH}/stats`);
  return (await response.json()) as { epoch: string; seq: number };
}
