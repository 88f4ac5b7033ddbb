import { freePort } from "../../e2e/support/workerd.ts";
import { batch, CYRILLIC, FULL, keyOf, LARGE, largest, LOG, type Filling } from "../hostile/feeds.ts";
import { Prepared } from "../hostile/prepared.ts";
import { Probe } from "../hostile/probe.ts";
import { publishBy } from "../hostile/publishing.ts";
import { HostileSocket } from "../hostile/socket.ts";
import { cameFrom, pathOf, type HostileTarget } from "../hostile/target.ts";
import { ask } from "../hostile/http.ts";
import { clock, pause } from "../load/clock.ts";
import { heapBytes, MemoryWatch, residentBytes } from "../load/memory.ts";
import type { Figures, Scenario } from "../scenario.ts";

/** Megabytes of JavaScript heap, as the platform gives. The process ends if it needs more, even for a moment. */
const MOST_HEAP = 128;
/** Milliseconds. */
const QUIET_TIME = 2_000;
const LOOK_EVERY = 50;

/** What an object holds at its limits, and who reads it. */
interface Holding {
  readonly name: string;
  readonly filling: Filling;
  /** Connects the readers, which stay until the process ends. */
  readonly readers?: (target: HostileTarget) => Promise<void>;
}

/** Entries with everything that an entry may have. */
const STAMPED: Filling = {
  name: "stamped",
  *bodies(share) {
    const stamps = `"time":1700000000000.5,"version":${2 ** 40},"ttl":86400`;
    for (const body of FULL.bodies(share)) yield body.replaceAll('"set":', `${stamps},"set":`);
  },
};

const HOLDINGS: readonly Holding[] = [
  { name: "100,000 keys, ASCII", filling: FULL },
  { name: "100,000 keys, Cyrillic", filling: CYRILLIC },
  { name: "values of 60 KB, Cyrillic", filling: LARGE },
  {
    name: "100,000 keys, Cyrillic, each patched once",
    filling: CYRILLIC,
    async readers(target) {
      for (let first = 0; first < 100_000; first += 1_000)
        await publishBy(
          target,
          batch(1_000, (i) => ({ key: keyOf(first + i), patch: { n: i } })),
        );
    },
  },
  { name: "100,000 keys with time, version and ttl, ASCII", filling: STAMPED },
  { name: "a long log", filling: LOG },
  { name: "20 readers that take nothing, nothing published", filling: LARGE, readers: (target) => stuck(target, 20) },
  {
    name: "the same, 1 MiB published a second for 20 s",
    filling: LARGE,
    async readers(target) {
      await stuck(target, 20);
      await publishing(target, 1_000, 20);
    },
  },
  {
    name: "one mode=all at hz=0.1, 4 MiB published a second for 8 s",
    filling: FULL,
    async readers(target) {
      await HostileSocket.open(target, "mode=all&hz=0.1");
      await publishing(target, 250, 8);
    },
  },
  ...([true, false] as const).map((isOwn): Holding => ({
    name: `200 sockets with ${isOwn ? "hz of their own" : "one hz"}, 4 MiB published a second for 8 s`,
    filling: FULL,
    async readers(target) {
      for (let i = 0; i < 200; i++)
        await HostileSocket.open(target, `hz=${0.1 + (isOwn ? i * 1e-10 : 0)}&keys=tick.00*`);
      await publishing(target, 250, 8);
    },
  })),
  {
    name: "5,000 sockets of one key",
    filling: FULL,
    async readers(target) {
      for (let i = 0; i < 5_000; i += 50)
        await Promise.all(
          Array.from({ length: 50 }, () => HostileSocket.open(target, "keys=probe", cameFrom(`203.0.113.${i / 50}`))),
        );
    },
  },
  {
    name: "250 of mode=all at hz=0.1, each come at another moment",
    filling: FULL,
    async readers(target) {
      for (let i = 0; i < 250; i++) {
        await publishBy(
          target,
          batch(4, (n) => ({ key: keyOf(n), set: { text: "y".repeat(900) } })),
        );
        await HostileSocket.open(target, "mode=all&hz=0.1&keys=tick.0000*");
      }
      await pause(10_000);
    },
  },
  ...(["q", "ж"] as const).map((letter): Holding => ({
    name: `three addresses with all the keys they may select, of 128 characters${letter === "q" ? "" : ", Cyrillic"}`,
    filling: FULL,
    async readers(target) {
      for (let i = 0; i < 3_000; i += 50)
        await Promise.all(Array.from({ length: 50 }, (_, n) => selectOwnKeys(target, i + n, letter)));
    },
  })),
  {
    name: "four addresses that take nothing and ask for other keys for 20 s",
    filling: LARGE,
    async readers(target) {
      await Promise.all(Array.from({ length: 4 }, (_, i) => asking(target, `203.0.113.${i}`, 20)));
    },
  },
  {
    name: "15 GETs a second of all of it for 8 s",
    filling: LARGE,
    async readers(target) {
      const asked: Promise<unknown>[] = [];
      for (let i = 0; i < 120; i++) {
        asked.push(ask(target, { path: pathOf(target) }));
        await pause(1_000 / 15);
      }
      await Promise.race([Promise.all(asked), pause(20_000)]);
    },
  },
];

export const memory: Scenario = {
  name: "memory",
  about: "what an object at its limits holds, with its readers; a Worker's isolate is in it",
  mostRuns: 1,
  async prepare(lab) {
    await lab.worker();
    const prepared = new Prepared(lab);
    return HOLDINGS.map((holding) => ({ name: holding.name, run: () => measure(prepared, holding) }));
  },
};

async function measure(prepared: Prepared, { filling, readers }: Holding): Promise<Figures> {
  const inspectorPort = await freePort();
  const server = await prepared.serve(filling, { inspectorPort, mostHeap: MOST_HEAP });
  const { workerd, pid, target } = server;
  const empty = await residentBytes(pid);
  const asked = clock();
  await ask(target, { path: `${pathOf(target)}?keys=none` });
  const opened = clock() - asked;
  const watch = new MemoryWatch(pid, LOOK_EVERY);
  const probe = Probe.start(target, 20);
  try {
    const start = clock();
    await readers?.(target);
    await pause(QUIET_TIME);
    const { p99 } = probe.since(start);
    return {
      "opened ms": opened,
      "heap MB": (await heapBytes(inspectorPort, workerd.port)) / 1e6,
      "RSS MB": (await residentBytes(pid)) / 1e6,
      "most RSS MB": Math.max(...watch.looks) / 1e6,
      "RSS at start MB": empty / 1e6,
      "publish p99 ms": p99,
    };
  } finally {
    watch.stop();
    await server.stop();
    await probe.stop();
  }
}

/** Readers that take nothing from the beginning. */
async function stuck(target: HostileTarget, count: number): Promise<void> {
  for (let i = 0; i < count; i++) (await HostileSocket.open(target)).stopReading();
}

/** The n-th subscriber that selects twenty keys of its own. A thousand of them share a client IP. */
async function selectOwnKeys(target: HostileTarget, n: number, letter: string): Promise<void> {
  const keys = Array.from({ length: 20 }, (_, i) => `${n}.${i}.`.padEnd(128, letter));
  const address = `203.0.113.${Math.floor(n / 1_000)}`;
  await HostileSocket.open(target, `keys=${encodeURIComponent(keys.join(","))}`, cameFrom(address));
}

/** Twenty readers at one client IP that take nothing, and select by turns a thousand keys each time. */
async function asking(target: HostileTarget, address: string, seconds: number): Promise<void> {
  const sockets: HostileSocket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = await HostileSocket.open(target, "", cameFrom(address));
    socket.stopReading();
    sockets.push(socket);
  }
  const end = clock() + seconds * 1_000;
  for (let id = 0; clock() < end; id++) {
    const keys = Array.from({ length: 1_000 }, (_, i) => `${id}.${i}.${address.at(-1)}`);
    sockets[id % sockets.length]?.send(JSON.stringify({ type: "subscribe", id, keys }));
    // As often as one client IP may, at one more message for each KiB.
    await pause(27);
  }
}

/** One POST of 1 MiB each `every` milliseconds. */
async function publishing(target: HostileTarget, every: number, seconds: number): Promise<void> {
  const end = clock() + seconds * 1_000;
  while (clock() < end) {
    const start = clock();
    await publishBy(target, largest(1_000));
    await pause(Math.max(0, start + every - clock()));
  }
}
