import type { Lab } from "../lab.ts";
import { clock, pause } from "../load/clock.ts";
import { Crowd } from "../load/crowd.ts";
import { Publisher, type Load } from "../load/publisher.ts";
import { RawSubscriber } from "../load/raw-subscriber.ts";
import { batch, UNTIMED_MARK, update } from "../load/updates.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { percentile } from "../statistics.ts";
import { withServer, type RunningTarget } from "../targets/target.ts";
import { OTHER_KEY, publishEndpoint, unlimited } from "../targets/tickertape.ts";

const SUBSCRIBERS = 1_000;
const KEYS = 1_000;
const VALUE_BYTES = 50;
const WARM_UP_SECONDS = 1;
/** How often the others do something, a second. */
const HONEST_RATE = 20;
/** Milliseconds between two reads, and between two new sockets. */
const LOOK_EVERY = 100;

interface Flood {
  readonly name: string;
  /** None: the others alone. */
  readonly load?: Load;
  readonly isSocket?: boolean;
  readonly batch?: number;
}

const FLOODS: readonly Flood[] = [
  { name: "nobody floods" },
  { name: "16 in flight over a socket", load: { inFlight: 16 }, isSocket: true },
  { name: "64 in flight over a socket", load: { inFlight: 64 }, isSocket: true },
  { name: "1,000 in flight over a socket", load: { inFlight: 1_000 }, isSocket: true },
  { name: "batches of 100, 64 in flight over a socket", load: { inFlight: 64 }, isSocket: true, batch: 100 },
  { name: "256 POSTs in flight", load: { inFlight: 256 } },
];

export const overload: Scenario = {
  name: "overload",
  about:
    "one publisher floods a feed of 1,000 subscribers; what another that publishes 20/s, readers and new sockets wait",
  async prepare(lab) {
    await lab.worker();
    return FLOODS.map((flood) => ({
      name: flood.name,
      run: () => withServer(lab, unlimited, (server) => measure(lab, server, flood)),
    }));
  },
};

async function measure(lab: Lab, server: RunningTarget, { load, isSocket, batch: size = 1 }: Flood): Promise<Figures> {
  const crowd = await Crowd.open(lab, server.subscribe, SUBSCRIBERS);
  const { port } = server.publish;
  const flooding = new Publisher({ ...server.publish, isSocket }, (i) => ({
    body:
      size === 1 ? update(i % KEYS, VALUE_BYTES, UNTIMED_MARK) : batch(i * size, size, KEYS, VALUE_BYTES, UNTIMED_MARK),
  }));
  // Of keys that the flood does not touch, so that all of them arrive.
  const honest = new Publisher(publishEndpoint(port, "bench", OTHER_KEY), (i) => ({
    body: update(KEYS + (i % KEYS), VALUE_BYTES),
  }));
  const url = `http://127.0.0.1:${port}${server.subscribe.path}`;
  const round = async (seconds: number): Promise<Figures> => {
    let isOver = false;
    const [flood, publishes, reads, sockets] = await Promise.all([
      load ? flooding.publish(load, seconds) : undefined,
      honest.publish({ rate: HONEST_RATE }, seconds).finally(() => (isOver = true)),
      repeat(
        () => isOver,
        () => read(url),
      ),
      repeat(
        () => isOver,
        () => visit(server),
      ),
    ]);
    if (publishes.refused > 0 || publishes.posts < publishes.offered)
      throw new Error("the other publisher was refused");
    return {
      "flood/s": flood ? flood.posts / flood.seconds : 0,
      "flood refused": flood?.refused ?? 0,
      "flood receipt p99 ms": percentile(flood?.latencies ?? [], 0.99),
      ...waits("receipt", publishes.latencies),
      ...waits("GET", reads),
      ...waits("new socket", sockets),
    };
  };
  try {
    await round(WARM_UP_SECONDS);
    await crowd.finish();
    await crowd.begin();
    const figures = await round(lab.seconds);
    const { samples, updates, messages, first, last } = await crowd.finish();
    return {
      "delivery p50 ms": samples.p50,
      "delivery p99 ms": samples.p99,
      "delivered/s": (updates / (last - first)) * 1000,
      "updates/frame": updates / messages,
      ...figures,
    };
  } finally {
    flooding.close();
    honest.close();
    await crowd.close();
  }
}

function waits(what: string, latencies: readonly number[]): Figures {
  return { [`${what} p50 ms`]: percentile(latencies, 0.5), [`${what} p99 ms`]: percentile(latencies, 0.99) };
}

/** Does something again and again, and returns how long each took, in milliseconds. */
async function repeat(isOver: () => boolean, act: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  while (!isOver()) {
    const start = clock();
    await act();
    took.push(clock() - start);
    await pause(LOOK_EVERY);
  }
  return took;
}

/** Reads a few entries. */
async function read(url: string): Promise<void> {
  const response = await fetch(`${url}?keys=K1,K2,K3`);
  if (!response.ok) throw new Error(`a GET was answered ${response.status}`);
  await response.arrayBuffer();
}

/** Subscribes, waits for the snapshot, and leaves. */
async function visit({ subscribe }: RunningTarget): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const subscriber = await RawSubscriber.open(
    { ...subscribe, path: `${subscribe.path}?keys=K1,K2,K3` },
    (buffer, start, end) => {
      if (buffer.toString("latin1", start, Math.min(end, start + 20)).includes('"snapshot"')) resolve();
    },
  );
  await promise;
  subscriber.close();
}
