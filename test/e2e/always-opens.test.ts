import { rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { seededRandom } from "../../src/demo/random.ts";
import { fillFeed, PATCHED } from "../bench/hostile/feeds.ts";
import { publishEnding, publishBy, tinyPatches } from "../bench/hostile/publishing.ts";
import { ADMIN_KEY, HOSTILE_KEY } from "../bench/hostile/target.ts";
import { AttackedServer, FEED } from "./support/attacked-server.ts";
import { RandomLoad } from "./support/random-load.ts";
import { unreadable } from "./support/readable.ts";
import { makeClockSettable } from "./support/settable-clock.ts";
import { buildWorker } from "./support/workerd.ts";
import type { Snapshot } from "./support/api.ts";
import type { Update } from "../../src/protocol/update.ts";

/** How many feeds are put to it. More are tried by hand, one seed after the other. The sixth has every kind of step. */
const RUNS = Number(process.env["TICKERTAPE_RUNS"] ?? 1);
const FIRST_SEED = Number(process.env["TICKERTAPE_SEED"] ?? 6);
/** Milliseconds. */
const HOUR = 3_600_000;
const ROUNDS = 2;
const STEPS = 4;
/** Milliseconds. The rule is 2 s; beside other tests, on two cores, it may take twice as long. */
const OPENS_WITHIN = 4_000;

let server: AttackedServer;

afterEach(() => server.dispose());

/** From the first request to the whole of the answer, in milliseconds; it is given up after a while. */
async function openingTime(url: string): Promise<number> {
  const start = performance.now();
  try {
    const response = await fetch(`${url}?keys=none`, { signal: AbortSignal.timeout(4 * OPENS_WITHIN) });
    await response.text();
    return response.status === 200 ? performance.now() - start : Infinity;
  } catch {
    return Infinity;
  }
}

async function statusOf(url: string, method = "GET"): Promise<number> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const signal = AbortSignal.timeout(5 * OPENS_WITHIN);
  return fetch(url, { method, headers, signal }).then(
    ({ status }) => status,
    () => 0,
  );
}

describe("[I8] a feed opens again", () => {
  test("where 40,000 keys have ended while it was away", async () => {
    const build = await buildWorker();
    onTestFinished(() => rm(build, { recursive: true, force: true }));
    await makeClockSettable(build);
    server = await AttackedServer.start(undefined, { build });
    expect(await publishEnding(server.target, 40_000, Date.now() + HOUR)).toBe("200");
    await server.kill();
    await server.restart();
    await fetch(`${server.origin}/clock`, { method: "POST", body: String(HOUR) });
    expect(await openingTime(server.url)).toBeLessThan(OPENS_WITHIN);
    expect(await (await fetch(server.url)).json()).toMatchObject({ entries: {} });
    expect(await unreadable(server.origin, FEED, "none")).toEqual([]);
    expect(await statusOf(`${server.origin}/metrics`)).toBe(200);
    expect(await statusOf(server.url, "DELETE")).toBe(200);
    expect(await publishBy(server.target, '{"key":"A","set":{}}')).toBe("200");
  });

  test("where a large value was patched thousands of times", async () => {
    server = await AttackedServer.start();
    await fillFeed(server.target, PATCHED);
    // Twelve make it a minute; they would take as long to publish, where it is so.
    for (let i = 0; i < 4; i++) expect(await publishBy(server.target, tinyPatches(i))).toBe("200");
    const before = await (await fetch(server.url)).json();
    await server.kill();
    await server.restart();
    expect(await openingTime(server.url)).toBeLessThan(OPENS_WITHIN);
    expect(await (await fetch(server.url)).json()).toEqual(before);
    expect(await unreadable(server.origin, FEED, "large")).toEqual([]);
  });

  test.each(Array.from({ length: RUNS }, (_, i) => FIRST_SEED + i))(
    "whatever was published, seed %i",
    { timeout: 300_000 },
    async (seed) => {
      server = await AttackedServer.start();
      const random = seededRandom(seed);
      const load = new RandomLoad(random, send);
      for (let round = 0; round < ROUNDS; round++) {
        for (let step = 0; step < STEPS; step++) await load.step();
        await server.kill();
        // Some of what ends does so while it is away.
        await wait(random() * 2_000);
        await server.restart();
        expect(await openingTime(server.url), load.steps.join("; ")).toBeLessThan(OPENS_WITHIN);
        const response = await fetch(server.url);
        expect(response.status).toBe(200);
        load.compare((await response.json()) as Snapshot);
        expect(await unreadable(server.origin, FEED, load.aKey), load.steps.join("; ")).toEqual([]);
        expect(load.faults, load.steps.join("; ")).toEqual([]);
      }
      expect(await statusOf(server.url, "DELETE")).toBe(200);
      expect(await publishBy(server.target, '{"key":"A","set":{}}')).toBe("200");
      expect(await (await fetch(server.url)).json()).toMatchObject({ seq: 1, entries: { A: {} } });
    },
  );
});

async function send(updates: readonly Update[] | undefined, idempotencyKey?: string): Promise<number> {
  if (!updates) return statusOf(server.url, "DELETE");
  const headers = {
    Authorization: `Bearer ${HOSTILE_KEY}`,
    "Content-Type": "application/json",
    ...(idempotencyKey !== undefined && { "Idempotency-Key": idempotencyKey }),
  };
  const response = await fetch(server.url, { method: "POST", headers, body: JSON.stringify(updates) });
  await response.arrayBuffer();
  return response.status;
}
