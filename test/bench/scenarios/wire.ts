import { MSGPACK_PROTOCOL } from "../../../src/protocol/names.ts";
import type { Lab } from "../lab.ts";
import { CpuMeter } from "../load/cpu.ts";
import { Crowd } from "../load/crowd.ts";
import { needSockets } from "../load/files.ts";
import { fillWith } from "../load/fill.ts";
import { MarketUpdates } from "../load/market.ts";
import { residentOf } from "../load/memory.ts";
import { Publisher } from "../load/publisher.ts";
import type { Case, Figures, Scenario } from "../scenario.ts";
import { withServer, type RunningTarget, type Target } from "../targets/target.ts";
import { compressing } from "../targets/tickertape.ts";
import { compressingWs, ws } from "../targets/on-node.ts";

const KEYS = 1_000;
/** So few a second that each update is a message of its own, even compressed. */
const SINGLE = { subscribers: 1_000, rate: 10, batch: 1 };
/**
 * 500 updates a second in the messages of a feed that gathers for 80 ms. They come as batches, because the cost of 500
 * POSTs would be spread over the messages. Compressed, they would keep two cores busy with 1,000 subscribers.
 */
const GATHERED = { subscribers: 200, rate: 12.5, batch: 40 };
/** Clients that connect for a snapshot. */
const CLIENTS = 1_000;
/** Seconds of the same load before the measurement. */
const WARM_UP = 2;
/** Clients that connect before the measurement, so that the code is compiled. */
const EARLIER = 50;

/** What browsers offer. */
const DEFLATE = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
const PACKED = { "Sec-WebSocket-Protocol": MSGPACK_PROTOCOL };
const FORMATS: readonly [name: string, offer: Offer][] = [
  ["JSON", {}],
  ["JSON, deflate", DEFLATE],
  ["MessagePack", PACKED],
  ["MessagePack, deflate", { ...PACKED, ...DEFLATE }],
];

type Offer = Readonly<Record<string, string>>;

/** Two of the twelve fields that change in the demo's entries (their name never does). */
const FIELDS = ["last", "bid"];

/** What subscribers ask for. */
interface Asked {
  readonly headers: Offer;
  /** All if none are given. */
  readonly fields?: readonly string[];
}

export const wire: Scenario = {
  name: "wire",
  about: "bytes and CPU of market updates, by format and compression",
  async prepare(lab) {
    await needSockets(CLIENTS);
    await lab.worker();
    const market = new MarketUpdates(KEYS);
    const gathered = (i: number): string => market.batch(i, GATHERED.batch);
    const peer = (target: Target, headers: Offer): Promise<Figures> =>
      measureUpdates(lab, target, { headers }, SINGLE, [], (i) => market.message(i));
    const ours = (load: typeof SINGLE, asked: Asked): Promise<Figures> =>
      measureUpdates(lab, compressing, asked, load, market.entries, load === SINGLE ? (i) => market.at(i) : gathered);
    return [
      ...inFormats("single", (asked) => ours(SINGLE, asked)),
      { name: "single, ws, JSON", run: () => peer(ws, {}) },
      { name: "single, ws, JSON, deflate", run: () => peer(compressingWs, DEFLATE) },
      ...inFormats("gathered", (asked) => ours(GATHERED, asked)),
      ...inFormats("snapshot", (asked) => measureSnapshot(lab, asked, market)),
    ];
  },
};

function inFormats(name: string, run: (asked: Asked) => Promise<Figures>): Case[] {
  const cut = { name: `${name}, JSON, 2 of 12 fields`, run: () => run({ headers: {}, fields: FIELDS }) };
  return [...FORMATS.map(([format, headers]) => ({ name: `${name}, ${format}`, run: () => run({ headers }) })), cut];
}

function endpointOf({ subscribe }: RunningTarget, { headers, fields }: Asked): RunningTarget["subscribe"] {
  return { ...subscribe, headers, path: fields ? `${subscribe.path}?fields=${fields.join()}` : subscribe.path };
}

/** How many of these updates a subscriber of the fields is told of, once all entries are there. */
function concerning(body: string, fields: readonly string[] | undefined): number {
  const updates = [JSON.parse(body)].flat() as readonly { patch?: Readonly<Record<string, unknown>> }[];
  const isTold = (patch = {}): boolean => !fields || fields.some((name) => Object.hasOwn(patch, name));
  return updates.filter(({ patch }) => isTold(patch)).length;
}

/** `entries`: what the feed has before. */
async function measureUpdates(
  lab: Lab,
  target: Target,
  asked: Asked,
  { subscribers, rate, batch }: typeof SINGLE,
  entries: readonly string[],
  body: (i: number) => string,
): Promise<Figures> {
  return withServer(lab, target, async (server) => {
    await fillWith(server.publish, entries);
    let told = 0;
    const publisher = new Publisher(server.publish, (i) => {
      const text = body(i);
      told += concerning(text, asked.fields);
      return { body: text };
    });
    const before = await residentOf(server);
    const crowd = await Crowd.openPacked(lab, endpointOf(server, asked), subscribers);
    const meter = new CpuMeter(() => server.pids(), [crowd.pid]);
    try {
      await publisher.publish({ rate }, WARM_UP);
      await crowd.finish();
      await crowd.begin();
      await meter.begin();
      told = 0;
      const published = await publisher.publish({ rate }, lab.seconds);
      const cpu = await meter.end();
      const figures = await sumUp(crowd, server, meter, { before, headers: asked.headers, subscribers });
      if (published.refused > 0) throw new Error(`${published.refused} POSTs were refused`);
      if (figures.covered !== told) throw new Error("updates are missing");
      const bytes = figures.bytes / subscribers / (published.offered * batch);
      return { ...figures.of, "bytes/published": bytes, "server CPU %": cpu.server, "generator CPU %": cpu.generator };
    } finally {
      publisher.close();
      await crowd.close();
    }
  });
}

async function measureSnapshot(lab: Lab, asked: Asked, market: MarketUpdates): Promise<Figures> {
  return withServer(lab, compressing, async (server) => {
    const endpoint = endpointOf(server, asked);
    const crowds: Crowd[] = [];
    try {
      await fillWith(server.publish, market.entries);
      const earlier = await Crowd.openPacked(lab, endpoint, EARLIER);
      crowds.push(earlier);
      await earlier.finish();
      const before = await residentOf(server);
      const meter = new CpuMeter(() => server.pids());
      await meter.begin();
      const crowd = await Crowd.openPacked(lab, endpoint, CLIENTS);
      crowds.push(crowd);
      const { headers } = asked;
      const figures = await sumUp(crowd, server, meter, { before, headers, subscribers: CLIENTS });
      return { ...figures.of, "bytes/published": NaN, "server CPU %": NaN, "generator CPU %": NaN };
    } finally {
      for (const crowd of crowds) await crowd.close();
    }
  });
}

/** Waits until everything has arrived, and sums up. */
async function sumUp(
  crowd: Crowd,
  server: RunningTarget,
  meter: CpuMeter,
  { before, headers, subscribers }: { before: number; headers: Offer; subscribers: number },
): Promise<{ of: Figures; covered: number; bytes: number }> {
  const { messages, updates, bytes, samples, wire } = await crowd.finish();
  const { serverSeconds } = await meter.end();
  const grown = (await residentOf(server)) - before;
  if (!wire) throw new Error("the crowd did not tell what was on the wire");
  const expected = "Sec-WebSocket-Extensions" in headers ? messages : 0;
  if (wire.deflated !== expected) throw new Error(`${wire.deflated} of ${messages} messages were compressed`);
  const of = {
    "updates/message": updates / messages,
    "bytes/message": bytes / messages,
    "bytes/update": bytes / updates,
    "CPU us/message": (serverSeconds * 1e6) / messages,
    "CPU us/update": (serverSeconds * 1e6) / updates,
    "KB/socket": grown / subscribers / 1_000,
    "p50 ms": samples.p50,
    "p99 ms": samples.p99,
  };
  return { of, covered: wire.covered, bytes };
}
