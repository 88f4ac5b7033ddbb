import { cp } from "node:fs/promises";
import { Agent, request } from "node:http";
import type { Lab } from "../lab.ts";
import { clock } from "../load/clock.ts";
import { CountedFeed } from "../load/counted-feed.ts";
import { RawSubscriber } from "../load/raw-subscriber.ts";
import { batch } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";

const FEED = "bench";
const PATH = `/v1/feeds/${FEED}`;
const KEYS = [100, 10_000, 50_000];
const VALUE_BYTES = 200;
/** The share of the checkpoint limit that the journal has when its server is killed. */
const JOURNAL_SHARE = 0.9;
const WARM_REPEATS = 5;
const SNAPSHOT = `{"type":"snapshot"`;
/** The end of each part of a snapshot but the last. */
const MORE = Buffer.from(`},"more":true}`);

export const wake: Scenario = {
  name: "wake",
  about: "from the first request after a restart to the whole snapshot, in ms; values of 200 bytes",
  async prepare(lab) {
    const empty = await lab.folder("storage");
    const cases = [{ name: "no feed", run: () => measure(lab, empty) }];
    for (const keys of KEYS) {
      const { checkpointed, journalled } = await fillStorage(lab, keys);
      const name = `${keys.toLocaleString("en-US")} keys`;
      cases.push({ name: `${name}, checkpointed`, run: () => measure(lab, checkpointed) });
      cases.push({ name: `${name}, journal full`, run: () => measure(lab, journalled) });
    }
    return cases;
  },
};

/** The storage of a feed after a checkpoint and an orderly end, and shortly before one, after a kill. */
async function fillStorage(lab: Lab, keys: number): Promise<{ checkpointed: string; journalled: string }> {
  const checkpointed = await lab.folder("storage");
  const build = await lab.countingWorker();
  const size = Math.max(5, keys / 100);
  let next = 0;
  const change = (feed: CountedFeed): Promise<void> => feed.post(batch((next += size), size, keys, VALUE_BYTES));

  let workerd = await lab.serve(build, checkpointed);
  let feed = await CountedFeed.open(workerd.port, FEED);
  await feed.fill(keys, VALUE_BYTES);
  let capacity = 0;
  for (let counts = await feed.counts(), { generation } = counts; counts.generation < generation + 2;) {
    capacity = counts.journalLength;
    await change(feed);
    counts = await feed.counts();
  }
  feed.close();
  await workerd.kill("SIGTERM");

  const journalled = await copy(lab, checkpointed);
  workerd = await lab.serve(build, journalled);
  feed = await CountedFeed.open(workerd.port, FEED);
  while ((await feed.counts()).journalLength < capacity * JOURNAL_SHARE) await change(feed);
  feed.close();
  await workerd.kill("SIGKILL");
  return { checkpointed, journalled };
}

async function measure(lab: Lab, stored: string): Promise<Figures> {
  const overHttp = await restarted(lab, stored, async (port) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const healthz = await repeat(() => timeGet(port, "/healthz", agent));
    const cold = await timeGet(port, PATH, agent);
    const warm = await repeat(() => timeGet(port, PATH, agent));
    agent.destroy();
    return { healthz, cold, warm };
  });
  const overSocket = await restarted(lab, stored, async (port) => {
    await timeGet(port, "/healthz", new Agent());
    const cold = await timeSnapshot(port);
    return { cold, warm: await repeat(() => timeSnapshot(port)) };
  });
  return {
    "/healthz": overHttp.healthz,
    "GET cold": overHttp.cold,
    "GET warm": overHttp.warm,
    "WebSocket cold": overSocket.cold,
    "WebSocket warm": overSocket.warm,
  };
}

/** Runs `use` against a server that has just been started on a copy of the storage. */
async function restarted<T>(lab: Lab, stored: string, use: (port: number) => Promise<T>): Promise<T> {
  const storage = await copy(lab, stored);
  const workerd = await lab.serve(await lab.worker(), storage);
  try {
    return await use(workerd.port);
  } finally {
    await workerd.kill();
    await lab.discard(storage);
  }
}

async function copy(lab: Lab, stored: string): Promise<string> {
  const storage = await lab.folder("storage");
  await cp(stored, storage, { recursive: true });
  return storage;
}

async function repeat(measureOnce: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < WARM_REPEATS; i++) values.push(await measureOnce());
  return median(values);
}

/** Milliseconds from the request to the last byte of the answer. */
function timeGet(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = clock();
    request({ port, path, agent, host: "127.0.0.1" }, (response) => {
      response.on("data", () => {});
      response.on("end", () => {
        if (response.statusCode === 200) resolve(clock() - start);
        else reject(new Error(`GET ${path} answered ${response.statusCode}`));
      });
    })
      .on("error", reject)
      .end();
  });
}

/** Milliseconds from connecting to the last part of the snapshot. */
async function timeSnapshot(port: number): Promise<number> {
  const start = clock();
  const { promise: took, resolve } = Promise.withResolvers<number>();
  const subscriber = await RawSubscriber.open({ port, path: PATH }, (buffer, from, end) => {
    const isSnapshot = buffer.toString("latin1", from, from + SNAPSHOT.length) === SNAPSHOT;
    if (isSnapshot && !buffer.subarray(end - MORE.length, end).equals(MORE)) resolve(clock() - start);
  });
  try {
    return await took;
  } finally {
    subscriber.close();
  }
}
