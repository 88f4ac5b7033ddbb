import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { BINDINGS, post, publish, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { residentBytes } from "../bench/load/memory.ts";
import { Publisher } from "../bench/load/publisher.ts";
import { RawSubscriber } from "../bench/load/raw-subscriber.ts";
import { update } from "../bench/load/updates.ts";
import { median } from "../bench/statistics.ts";
import { Workerd } from "./support/workerd.ts";

const MB = 1_000_000;
const SECOND_KEY = "e2e-second-key";
/** How much longer a bystander may have to wait than before: twice as long, and 5 ms. */
const bearable = (calm: number): number => 2 * calm + 5;

let workerd: Workerd;

afterEach(() => workerd.dispose());

async function start(bindings: Record<string, string> = {}): Promise<void> {
  workerd = await Workerd.start({
    bindings: { ...BINDINGS, PUBLISH_KEY: `${PUBLISH_KEY},${SECOND_KEY}`, ...bindings },
  });
}

/** One publish over HTTP, its answer read. */
async function publishBy(feed: string, headers: Record<string, string> = {}): Promise<Response> {
  const response = await post(`${workerd.url}/v1/feeds/${feed}`, { key: "A", set: { p: 1 } }, headers);
  await response.arrayBuffer();
  return response;
}

/**
 * A gigabyte of spaces, compressed: short enough to be let in by its length. It is one block a hundred times, without the
 * end, which nobody is to come to.
 */
function bomb(): Buffer {
  const { Z_BEST_COMPRESSION: level, Z_FULL_FLUSH: finishFlush } = constants;
  const block = deflateRawSync(Buffer.alloc(10 * MB, " "), { level, finishFlush });
  const head = gzipSync("").subarray(0, 10);
  return Buffer.concat([head, ...Array.from({ length: 100 }, () => block)]);
}

test("a gigabyte in a gzip body is refused without being inflated, while others are served", async () => {
  await start();
  const url = `${workerd.url}/v1/feeds/bombed`;
  const body = bomb();
  expect(body.length).toBeLessThan(1024 * 1024);
  await publish(url, { key: "A", set: { p: 1 } });
  const headers = {
    Authorization: `Bearer ${PUBLISH_KEY}`,
    "Content-Type": "application/json",
    "Content-Encoding": "gzip",
  };
  const send = (): Promise<number> =>
    fetch(url, { method: "POST", headers, body: new Uint8Array(body) }).then(({ status }) => status);
  const resident = await residentBytes(workerd.process.pid ?? 0);
  let most = resident;
  const statuses = new Set<number>();
  for (let round = 0; round < 2; round++) {
    const sent = Promise.all([send(), send(), send(), send()]);
    const left = new Set([round]);
    void sent.then(() => left.clear());
    do {
      expect((await snapshot(url)).seq).toBe(1);
      most = Math.max(most, await residentBytes(workerd.process.pid ?? 0));
    } while (left.size > 0);
    for (const status of await sent) statuses.add(status);
  }
  console.log(
    `gzip bombs: ${Math.round((most - resident) / MB)} MB more resident at most, on ${Math.round(resident / MB)} MB`,
  );
  expect([...statuses]).toEqual([413]);
  expect(most - resident).toBeLessThan(100 * MB);
});

test("sockets that flood are closed with 4429, and a publisher hardly notices", async () => {
  await start();
  const url = `${workerd.url}/v1/feeds/flooded`;
  let n = 0;
  const publishOne = (): Promise<unknown> => publish(url, { key: "A", set: { n: n++ } });
  await medianTime(100, publishOne);
  const calm = await medianTime(200, publishOne);
  const codes: number[] = [];
  const over = new AbortController();
  const flood = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const socket = new WebSocket(url.replace("http", "ws"));
      const closed = new Promise<number>((resolve) => {
        socket.on("close", resolve);
        setTimeout(() => resolve(0), 10_000).unref();
      });
      await new Promise((resolve) => socket.on("open", resolve));
      const sending = setInterval(() => {
        for (let i = 0; i < 50; i++) socket.send('{"type":"ack","seq":1}');
      }, 5);
      codes.push(await closed);
      clearInterval(sending);
      socket.terminate();
    }
  };
  const flooding = flood();
  const busy = await medianTime(200, publishOne);
  over.abort();
  await flooding;
  console.log(`publish: ${calm.toFixed(2)} ms, ${busy.toFixed(2)} ms under a flood; closed with`, new Set(codes));
  expect(new Set(codes)).toEqual(new Set([4429]));
  expect(busy).toBeLessThan(bearable(calm));
});

test("a credential above its rate gets 429 and when to come back, and another one hardly notices", async () => {
  await start({ PUBLISH_RATE: "20", PUBLISH_BURST: "60" });
  const second = { Authorization: `Bearer ${SECOND_KEY}` };
  const statuses = new Map<number, number>();
  const bystander = async (feed: string): Promise<void> => expect((await publishBy(feed, second)).status).toBe(200);
  await medianTime(40, () => bystander("warm"));
  const calm = await medianTime(50, () => bystander("calm"));
  const over = new AbortController();
  const retries = new Set<string | null>();
  const flood = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { status, headers } = await publishBy("busy");
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (status === 429) retries.add(headers.get("Retry-After"));
    }
  };
  await publishBy("busy");
  const flooding = Promise.all([flood(), flood()]);
  const busy = await medianTime(50, () => bystander("busy"));
  // As long as it takes the flood to meet its limit.
  for (let i = 0; i < 500 && !statuses.has(429); i++) await publishBy("busy");
  over.abort();
  await flooding;
  console.log(`publish: ${calm.toFixed(2)} ms, ${busy.toFixed(2)} ms beside a flood of`, Object.fromEntries(statuses));
  expect(new Set(statuses.keys())).toEqual(new Set([200, 429]));
  for (const after of retries) expect(after).toMatch(/^[1-9][0-9]*$/);
  expect(busy).toBeLessThan(bearable(calm));
});

test("[MERGE8] a flood of publishes over a socket slows its receipts down, and subscribers are served all the time", async () => {
  await start({ PUBLISH_RATE: "1000000", PUBLISH_BURST: "1000000" });
  const url = `${workerd.url}/v1/feeds/poured`;
  await publish(url, { key: "A", set: { n: 0 } });
  const { port } = workerd;
  const path = new URL(url).pathname;
  /** Messages to each subscriber. */
  const received = Array.from({ length: 300 }, () => 0);
  const subscribers = await Promise.all(
    received.map((_, i) => RawSubscriber.open({ port, path }, () => void (received[i] = (received[i] ?? 0) + 1))),
  );
  const headers = { Authorization: `Bearer ${PUBLISH_KEY}` };
  const publisher = new Publisher({ port, path, headers, isSocket: true }, (i) => ({ body: update(i % 1_000, 50) }));
  const reads: number[] = [];
  const over = new AbortController();
  const reading = (async () => {
    while (!over.signal.aborted) reads.push(await medianTime(1, () => snapshot(`${url}?keys=A`)));
  })();
  const { posts, refused, seconds } = await publisher.publish({ inFlight: 256 }, 1).finally(() => over.abort());
  await reading;
  const messages = median(received);
  console.log(`${posts} publishes in ${seconds.toFixed(1)} s: ${messages} messages to each, ${reads.length} reads`);
  for (const subscriber of subscribers) subscriber.close();
  publisher.close();
  expect(refused).toBe(0);
  // A calm feed has 25 a second for each of so many.
  expect(messages / seconds).toBeGreaterThan(5);
  expect(reads.length).toBeGreaterThan(1);
});

/** The median of how many milliseconds each of `count` runs took, one after the other. */
async function medianTime(count: number, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const began = performance.now();
    await run();
    times.push(performance.now() - began);
  }
  return median(times);
}
