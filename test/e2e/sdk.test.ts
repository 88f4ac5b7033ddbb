import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connect, FeedClosedError, type Batch, type Feed, type FeedOptions } from "../../src/client/index.ts";
import { ADMIN_KEY, post, publish, snapshot } from "./support/api.ts";
import { isLive, standsAt } from "./support/feeds.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import type { Update } from "../../src/protocol/update.ts";

/** `TICKERTAPE_ROUNDS` makes the soak longer. */
const ROUNDS = Number(process.env["TICKERTAPE_ROUNDS"] ?? 8);

const chance = (of: number): boolean => Math.random() < of;

let server: Server;
let proxy: TcpProxy;
const feeds: Feed<JsonObject>[] = [];

beforeAll(async () => {
  server = await Server.start();
  proxy = await TcpProxy.start(Number(new URL(server.url).port));
});
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.close();
});
afterAll(async () => {
  proxy.close();
  await server.dispose();
});

/** A feed with the batches that it has announced. */
function open(base: string, name: string, options: FeedOptions = {}): { feed: Feed<JsonObject>; batches: Batch[] } {
  const feed = connect<JsonObject>(base, name, options);
  feeds.push(feed);
  const batches: Batch[] = [];
  feed.on("change", (_, batch) => void batches.push(batch));
  return { feed, batches };
}

const address = (name: string): string => `${server.url}/v1/feeds/${name}`;
const stateOf = (feed: Feed<JsonObject>): Record<string, JsonObject> => Object.fromEntries(feed.entries());

/** Waits until a feed has what the server has, and compares all of it. */
async function agrees(feed: Feed<JsonObject>, name: string): Promise<void> {
  const { entries, ...position } = await snapshot(address(name));
  await standsAt(feed, position);
  expect(stateOf(feed)).toEqual(entries);
}

describe("the client", () => {
  test("shows a feed live, and a change of the selection without a new connection", async () => {
    await publish(address("live"), { key: "A", set: { n: 1 } });
    const { feed, batches } = open(server.url, "live");
    await isLive(feed);
    expect(stateOf(feed)).toEqual({ A: { n: 1 } });
    await publish(address("live"), [
      { key: "A", patch: { m: 2 } },
      { key: "tech.B", set: { n: 3 } },
    ]);
    await until(() => feed.size === 2, "the update");
    expect(batches.map(({ cause, reason }) => [cause, reason])).toEqual([
      ["snapshot", "initial"],
      ["update", undefined],
    ]);
    await feed.select({ keys: ["tech.*"] });
    expect(stateOf(feed)).toEqual({ "tech.B": { n: 3 } });
    await until(() => feed.latency !== undefined, "a pong");
    expect(feed.counters).toMatchObject({ connections: 1, messages: 3, updates: 2 });
  });

  test("says why it is refused, and ends its iterators with that", async () => {
    const { feed } = open(server.url, "refused", { token: "unknown" });
    await expect(feed[Symbol.asyncIterator]().next()).rejects.toThrow(FeedClosedError);
    expect(feed.status).toMatchObject({ state: "closed", code: 401 });
  });

  test("goes on after kill -9 and a restart, from where it was", async () => {
    await publish(address("killed"), { key: "A", set: { n: 1 } });
    const { feed, batches } = open(server.url, "killed");
    await isLive(feed);
    await server.crash();
    await publish(address("killed"), { key: "A", patch: { n: 2 } });
    await agrees(feed, "killed");
    expect(batches.map(({ cause }) => cause)).toEqual(["snapshot", "update"]);
  });

  test.each(["latest", "all"] as const)(
    "misses none of 30,000 updates while its connection is cut again and again (mode %s)",
    async (mode) => {
      const name = `cut-${mode}`;
      const { feed, batches } = open(proxy.url, name, { mode });
      await isLive(feed);
      let seen = 0;
      feed.on("change", (changes) => void (seen += changes.length));
      for (let batch = 0; batch < 30; batch++) {
        const updates = Array.from({ length: 1_000 }, (_, i): Update => ({
          key: `k${i % 100}`,
          patch: { n: batch * 1_000 + i },
        }));
        await publish(address(name), updates);
        if (batch % 10 !== 4) continue;
        await isLive(feed);
        proxy.cut();
      }
      await agrees(feed, name);
      expect(feed.counters.connections).toBeGreaterThan(3);
      // Whatever was missed came as updates: nothing was shown anew.
      expect(batches.slice(1).filter(({ cause }) => cause === "snapshot")).toEqual([]);
      if (mode === "all") expect(seen).toBe(30_000);
    },
  );

  test("ends up with what the server has after random cuts, delays, restarts and resets", async () => {
    const name = "soak";
    const all = open(proxy.url, name);
    const some = open(proxy.url, name, { keys: ["a*"], mode: "all" });
    for (let round = 0; round < ROUNDS; round++) {
      for (let i = 0; i < 20; i++) {
        const key = `${chance(0.5) ? "a" : "b"}${Math.floor(Math.random() * 20)}`;
        const update: Update = chance(0.2)
          ? { key, delete: true }
          : { key, patch: { [`m${i % 3}`]: chance(0.2) ? null : i } };
        await post(address(name), [update, { key: "a", set: { round, i } }]);
        if (chance(0.05)) proxy.cut();
        if (chance(0.1)) proxy.delay = chance(0.5) ? 0 : Math.random() * 100;
      }
      if (chance(0.3)) void some.feed.select({ keys: chance(0.5) ? ["a*"] : ["b*", "a"], mode: "all" });
      if (chance(0.3)) await server.crash();
      if (chance(0.1))
        await fetch(address(name), { method: "DELETE", headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
    }
    proxy.delay = 0;
    await some.feed.select({ keys: ["a*"], mode: "all" });
    await publish(address(name), { key: "a", set: { last: true } });
    await agrees(all.feed, name);
    const { entries } = await snapshot(`${address(name)}?keys=a*`);
    await until(() => some.feed.get("a")?.["last"] === true, "the last update");
    expect(stateOf(some.feed)).toEqual(entries);
  }, 600_000);
});
