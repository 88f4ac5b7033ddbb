import { beforeEach, expect, test } from "vitest";
import { shareFeed } from "../../src/client/share.ts";
import { joinConnection } from "../../src/client/sharing/shared-feeds.ts";
import type { Feed, FeedOptions } from "../../src/client/types.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { FakeServer } from "./support/fake-server.ts";
import { World } from "./support/world.ts";

let world: World;
let server: FakeServer;
let loaded: PromiseWithResolvers<typeof joinConnection>;

beforeEach(() => {
  world = new World();
  server = new FakeServer(world);
  server.publish({ key: "A", set: { n: 1 } }, { key: "B", set: { n: 2 } });
  loaded = Promise.withResolvers();
});

/** Feeds whose code for sharing is still to be loaded. */
const open = (options: FeedOptions<string> = {}): Feed<JsonObject> =>
  shareFeed("http://feeds.test", "stocks", options, { runtime: world.runtime, transports: [server] }, loaded.promise);

test("feeds that share wait for the code, and then for what was asked of them meanwhile", async () => {
  const feeds = [open({ keys: ["A"] }), open({ keys: ["A"] })];
  const selected = feeds[1]?.select({ keys: ["B"] });
  expect(feeds.map(({ state, size }) => [state, size])).toEqual([
    ["connecting", 0],
    ["connecting", 0],
  ]);
  loaded.resolve(joinConnection);
  world.promises();
  await world.pass(100);
  expect(await selected).toBe(feeds[1]);
  expect(feeds.map((feed) => [feed.state, Object.fromEntries(feed.entries())])).toEqual([
    ["live", { A: { n: 1 } }],
    ["live", { B: { n: 2 } }],
  ]);
  expect(server.openings).toHaveLength(1);
});

test("one that begins with a snapshot has its entries before", () => {
  const feed = open({ initial: { epoch: "e1", seq: 2, time: 5, entries: { A: { n: 1 } } } });
  expect([feed.state, feed.get("A"), feed.changedAt]).toEqual(["recovering", { n: 1 }, 5]);
});

test("one that is closed before is closed, and opens nothing", async () => {
  const feed = open();
  const told: string[] = [];
  feed.on("status", ({ state }) => void told.push(state));
  feed.close();
  feed.close();
  loaded.resolve(joinConnection);
  world.promises();
  await world.pass(2_000);
  expect([feed.state, told, server.openings]).toEqual(["closed", ["closed"], []]);
});

test("without the code, each has a connection of its own", async () => {
  const feed = open({ keys: ["B"] });
  loaded.reject(new TypeError("Failed to fetch dynamically imported module"));
  world.promises();
  await world.pass(100);
  expect([feed.state, ...feed.keys()]).toEqual(["live", "B"]);
  feed.close();
  expect(server.link).toBeUndefined();
});
