import { cp } from "node:fs/promises";
import type { Lab } from "../../lab.ts";
import { Crowd } from "../../load/crowd.ts";
import { needSockets } from "../../load/files.ts";
import { fill } from "../../load/fill.ts";
import type { Figures, Scenario } from "../../scenario.ts";
import { stormOf } from "../../storm-figures.ts";
import { bareObject } from "../../targets/all.ts";
import { Apart, APART_FEED } from "../../targets/apart.ts";
import { publishEndpoint } from "../../targets/tickertape.ts";

/** A feed that has the code compiled, in the replicas' process too. */
const WARM_UP = "warm";
const WARM_UP_CLIENTS = 50;

const ONE = { keys: 10_000, valueBytes: 200 };
const MANY = { keys: 1_000, valueBytes: 100 };
const CLIENTS = 5_000;
const REPLICAS = 4;
/** What `KB/client` shows for our own. */
const STATE_BYTES = 108_000;

export const starting: Scenario = {
  name: "replicas",
  about: `a replica starts with ${ONE.keys.toLocaleString("en-US")} keys of ${ONE.valueBytes} bytes: ms until a client has its whole snapshot`,
  async prepare(lab) {
    const stored = await filledStorage(lab, ONE);
    return [
      { name: "start, the code has run before", run: () => measureOne(lab, stored, true) },
      { name: "start, the code is new", run: () => measureOne(lab, stored, false) },
    ];
  },
};

export const stormOfReplicas: Scenario = {
  name: "replicas",
  about: `${CLIENTS.toLocaleString("en-US")} clients connect at once to a feed of ${MANY.keys.toLocaleString("en-US")} keys of ${MANY.valueBytes} bytes; ms until each has its state`,
  async prepare(lab) {
    await needSockets(CLIENTS);
    const stored = await filledStorage(lab, MANY);
    return [
      { name: `storm, ${REPLICAS} replicas that have nothing yet`, run: () => measureStorm(lab, stored, REPLICAS) },
      { name: "storm, the leader alone", run: () => measureStorm(lab, stored, 0) },
      { name: "storm, a bare object that sends each as many bytes", run: () => measureBare(lab) },
    ];
  },
};

type Filling = typeof ONE;

/** The storage of a feed that never had a replica: those that it is given later begin with nothing. */
async function filledStorage(lab: Lab, { keys, valueBytes }: Filling): Promise<string> {
  const storage = await lab.folder("storage");
  const workerd = await lab.serve(await lab.worker(), storage);
  await fill(publishEndpoint(workerd.port, APART_FEED), keys, valueBytes);
  await workerd.kill("SIGTERM");
  return storage;
}

async function restarted(lab: Lab, stored: string, replicas: number): Promise<Apart> {
  const storage = await lab.folder("storage");
  await cp(stored, storage, { recursive: true });
  return Apart.start(lab, { replicas, storage });
}

async function measureOne(lab: Lab, stored: string, isWarm: boolean): Promise<Figures> {
  const apart = await restarted(lab, stored, 1);
  const crowd = Crowd.empty(lab);
  try {
    // The leader is awake, and has served this before.
    await crowd.storm(apart.direct(), 1, ONE.keys);
    if (isWarm) {
      await fill(apart.publish(WARM_UP), ONE.keys, ONE.valueBytes);
      await crowd.storm(apart.distant(WARM_UP), 1, ONE.keys);
    }
    const { max: first } = await crowd.storm(apart.distant(), 1, ONE.keys);
    const { max: second } = await crowd.storm(apart.distant(), 1, ONE.keys);
    const { max: atLeader } = await crowd.storm(apart.direct(), 1, ONE.keys);
    return { "first client": first, "second client": second, "at the leader": atLeader };
  } finally {
    await crowd.close();
    await apart.stop();
  }
}

async function measureStorm(lab: Lab, stored: string, replicas: number): Promise<Figures> {
  const apart = await restarted(lab, stored, replicas);
  const crowd = Crowd.empty(lab);
  try {
    await fill(apart.publish(WARM_UP), MANY.keys, MANY.valueBytes);
    const at = (feed: string): ReturnType<Apart["direct"]> =>
      replicas === 0 ? apart.direct(feed) : apart.distant(feed);
    await crowd.storm(at(WARM_UP), WARM_UP_CLIENTS, MANY.keys);
    // The leader is awake.
    await crowd.storm(apart.direct(), 1, MANY.keys);
    return await stormOf(crowd, CLIENTS, at(APART_FEED), MANY.keys, [apart.leaderPid, ...apart.replicaPids]);
  } finally {
    await crowd.close();
    await apart.stop();
  }
}

/** What the platform takes for the sockets and the bytes alone. */
async function measureBare(lab: Lab): Promise<Figures> {
  const server = await bareObject.start(lab);
  const crowd = Crowd.empty(lab);
  try {
    const endpoint = { ...server.subscribe, path: `/?state=${STATE_BYTES}` };
    await crowd.storm(endpoint, WARM_UP_CLIENTS, 1);
    return await stormOf(crowd, CLIENTS, endpoint, 1, await server.pids());
  } finally {
    await crowd.close();
    await server.stop();
  }
}
