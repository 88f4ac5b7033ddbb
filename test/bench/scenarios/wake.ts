import { cp } from "node:fs/promises";
import { ask } from "../hostile/http.ts";
import type { Lab } from "../lab.ts";
import { clock } from "../load/clock.ts";
import { storageCounts } from "../load/counts.ts";
import { fill, postAll } from "../load/fill.ts";
import { storm } from "../load/storm.ts";
import { batch } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import { publishEndpoint } from "../targets/tickertape.ts";

const FEED = "bench";
const PATH = `/v1/feeds/${FEED}`;
const KEYS = [100, 10_000, 50_000];
const VALUE_BYTES = 200;
/** The share of the checkpoint limit that the journal has when its server is killed. */
const JOURNAL_SHARE = 0.9;
const WARM_REPEATS = 5;

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
  const change = (port: number): Promise<void> =>
    postAll(publishEndpoint(port, FEED), [batch((next += size), size, keys, VALUE_BYTES)]);

  let workerd = await lab.serve(build, checkpointed);
  await fill(publishEndpoint(workerd.port, FEED), keys, VALUE_BYTES);
  let capacity = 0;
  for (
    let counts = await storageCounts(workerd.port, FEED), { generation } = counts;
    counts.generation < generation + 2;
  ) {
    capacity = counts.journalLength;
    await change(workerd.port);
    counts = await storageCounts(workerd.port, FEED);
  }
  await workerd.kill("SIGTERM");

  const journalled = await copy(lab, checkpointed);
  workerd = await lab.serve(build, journalled);
  while ((await storageCounts(workerd.port, FEED)).journalLength < capacity * JOURNAL_SHARE) await change(workerd.port);
  await workerd.kill("SIGKILL");
  return { checkpointed, journalled };
}

async function measure(lab: Lab, stored: string): Promise<Figures> {
  const overHttp = await restarted(lab, stored, async (port) => {
    const healthz = await repeat(() => timeGet(port, "/healthz"));
    return { healthz, cold: await timeGet(port, PATH), warm: await repeat(() => timeGet(port, PATH)) };
  });
  const overSocket = await restarted(lab, stored, async (port) => {
    const snapshot = async (): Promise<number> => (await storm({ port, path: PATH }, 1, 0)).max;
    await timeGet(port, "/healthz");
    return { cold: await snapshot(), warm: await repeat(snapshot) };
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
async function timeGet(port: number, path: string): Promise<number> {
  const start = clock();
  const status = await ask({ port, feed: FEED }, { path });
  if (status !== 200) throw new Error(`GET ${path} answered ${status}`);
  return clock() - start;
}
