import { beforeEach, describe, expect, test } from "vitest";
import { FeedClosedError } from "../../src/client/errors.ts";
import { createChangeQueue } from "../../src/client/change-queue.ts";
import type { Change, FeedOptions, FeedSnapshot } from "../../src/client/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { FakeServer } from "./support/fake-server.ts";
import { World } from "./support/world.ts";

let world: World;
let server: FakeServer;

beforeEach(() => {
  world = new World();
  server = new FakeServer(world);
});

const open = (options: FeedOptions<string> = {}) => world.connect(options, server);
const live = (options: FeedOptions<string> = {}) => world.live(options, server);

describe("listeners", () => {
  test("get a batch whole, when the feed is up to date", async () => {
    const feed = await live();
    const seen: unknown[] = [];
    feed.on("change", (changes, { position }) => seen.push([changes.length, position, feed.size, feed.state]));
    server.publish({ key: "A", set: {} }, { key: "B", set: {} });
    await world.pass(100);
    expect(seen).toEqual([[2, "e1:2", 2, "live"]]);
  });

  test("that throw are reported, and the others are called", async () => {
    const feed = await live();
    const seen: string[] = [];
    feed.on("change", () => {
      throw new Error("mine");
    });
    const off = feed.on("change", () => void seen.push("second"));
    feed.subscribe(() => void seen.push("any"));
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    expect(seen).toEqual(["any", "second", "any"]);
    expect(world.reported).toEqual([new Error("mine")]);
    off();
    server.publish({ key: "A", set: { n: 1 } });
    await world.pass(100);
    expect(seen).toEqual(["any", "second", "any", "any"]);
  });

  test("that remove and add themselves are called once", async () => {
    const feed = await live();
    let calls = 0;
    const listen = (): void => {
      const off = feed.on("change", () => {
        calls++;
        off();
        listen();
      });
    };
    listen();
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    expect(calls).toBe(1);
  });

  test("are called in order for what one of them causes", async () => {
    const feed = await live();
    const seen: string[] = [];
    feed.on("change", () => feed.close());
    feed.on("change", () => void seen.push("change"));
    feed.on("status", ({ state }) => void seen.push(state));
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    expect(seen).toEqual(["change", "closed"]);
    expect(world.timers).toBe(0);
  });
});

describe("getSnapshot", () => {
  test("is the same object until something changes, and never changes itself", async () => {
    server.publish({ key: "A", set: { n: 1 } });
    const feed = await live();
    const first = feed.getSnapshot();
    expect(feed.getSnapshot()).toBe(first);
    server.publish({ key: "A", delete: true });
    await world.pass(100);
    expect([...first.entries]).toEqual([["A", { n: 1 }]]);
    expect(feed.getSnapshot()).toMatchObject({ position: "e1:2", status: { state: "live" } });
    expect(feed.getSnapshot().entries.size).toBe(0);
  });

  test("has the same entries as long as none of them changes", async () => {
    const feed = await live();
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    const { entries, status } = feed.getSnapshot();
    server.link?.end(1012);
    await world.pass(10);
    expect(feed.getSnapshot().status).not.toBe(status);
    expect(feed.getSnapshot().entries).toBe(entries);
  });
});

test("a feed is a store of Svelte: `subscribe` calls back at once, and after each change, with the value", async () => {
  server.publish({ key: "A", set: { n: 1 } });
  const feed = await live();
  const seen: FeedSnapshot<JsonObject>[] = [];
  const end = feed.subscribe((snapshot) => void seen.push(snapshot));
  expect(seen).toEqual([feed.getSnapshot()]);
  server.publish({ key: "A", set: { n: 2 } });
  await world.pass(100);
  expect(seen.map(({ entries }) => entries.get("A"))).toEqual([{ n: 1 }, { n: 2 }]);
  end();
  server.publish({ key: "A", set: { n: 3 } });
  await world.pass(100);
  expect(seen).toHaveLength(2);
});

async function take(iterator: AsyncIterator<Change<object>>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for (let i = 0; i < count; i++) {
    const { value, done } = await iterator.next();
    taken.push(done ? "done" : `${value.key} ${JSON.stringify(value.value)} ${JSON.stringify(value.previous)}`);
  }
  return taken;
}

describe("for await", () => {
  test("gives all entries, then the latest of each key that has changed", async () => {
    server.publish({ key: "A", set: { n: 0 } });
    const feed = await live();
    const iterator = feed[Symbol.asyncIterator]();
    expect(await take(iterator, 1)).toEqual(['A {"n":0} undefined']);
    for (const n of [1, 2, 3]) {
      server.publish({ key: "A", set: { n } }, { key: "B", set: {} });
      await world.pass(100);
    }
    server.publish({ key: "B", delete: true });
    await world.pass(100);
    feed.close();
    expect(await take(iterator, 2)).toEqual(['A {"n":3} {"n":0}', "done"]);
  });

  test("gives every change with mode all", async () => {
    const feed = await live({ mode: "all" });
    const iterator = feed[Symbol.asyncIterator]();
    for (const n of [1, 2]) server.publish({ key: "A", set: { n } });
    await world.pass(100);
    feed.close();
    expect(await take(iterator, 3)).toEqual(['A {"n":1} undefined', 'A {"n":2} {"n":1}', "done"]);
  });

  test("throws when more than 100,000 of every change wait, beside those that it began with", async () => {
    const entries = new Map([["A", {}]]);
    const queue = createChangeQueue(entries, () => {});
    const changes = Array.from({ length: 100_000 }, () => ({ key: "B", value: {}, previous: undefined }));
    queue.push(changes, false);
    const { iterator } = queue;
    expect(await take(iterator, 1)).toEqual(["A {} undefined"]);
    queue.push(changes.slice(0, 2), false);
    await expect(iterator.next()).rejects.toThrow("100000 changes wait");
    expect(await iterator.next()).toEqual({ value: undefined, done: true });
  });

  test("ends at a break, and throws if the feed is refused", async () => {
    const feed = await live();
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    for await (const { key } of feed) {
      expect(key).toBe("A");
      break;
    }
    const waiting = feed[Symbol.asyncIterator]();
    await waiting.next();
    const next = waiting.next();
    server.link?.end(4403);
    await world.pass(100);
    await expect(next).rejects.toThrow(FeedClosedError);
    await expect(next).rejects.toMatchObject({ code: 4403 });
  });

  test("ends when it is returned while it waits", async () => {
    const feed = await live();
    const iterator = feed[Symbol.asyncIterator]();
    const next = iterator.next();
    await iterator.return?.();
    expect(await next).toEqual({ value: undefined, done: true });
  });
});

describe("select", () => {
  test("resolves when the entries are there, also if another call came in between", async () => {
    server.publish({ key: "A", set: {} }, { key: "B", set: {} });
    const feed = await live({ keys: ["A"] });
    const both = Promise.all([feed.select({ keys: ["none"] }), feed.select({ keys: ["B"] })]);
    world.promises();
    await world.pass(100);
    await both;
    expect([...feed.keys()]).toEqual(["B"]);
    expect(server.openings).toHaveLength(1);
  });

  test("[SEL3] of other fields makes the same feed one of these, over the same connection", async () => {
    server.publish({ key: "A", set: { last: 1, bid: 2 } });
    const feed = await live({ fields: ["bid"] });
    expect(feed.get("A")).toEqual({ bid: 2 });
    const selected = feed.select({ fields: ["last", "bid", "last"] });
    world.promises();
    await world.pass(100);
    expect(await selected).toBe(feed);
    expect(feed.get("A")).toEqual({ last: 1, bid: 2 });
    expect(server.openings).toHaveLength(1);
    void feed.select({});
    await world.pass(100);
    expect(server.link?.heard.at(-1), "servers before fields refuse what they do not know").not.toContain("fields");
  });

  test("is in the URL of the next connection, without a position of other fields", async () => {
    const feed = await live({ fields: ["bid"] });
    server.isUp = false;
    server.restart(1006);
    await world.pass(10);
    void feed.select({ fields: ["last"] });
    server.isUp = true;
    await world.pass(5_000);
    expect(server.link?.request).toMatchObject({ selection: { fields: ["last"] }, since: undefined });
  });

  test("is in the URL of the next connection, without a position of other keys", async () => {
    const feed = await live();
    server.isUp = false;
    server.restart(1006);
    await world.pass(10);
    const selected = feed.select({ keys: ["B"] });
    server.isUp = true;
    world.promises();
    await world.pass(5_000);
    await selected;
    expect(server.link?.request).toMatchObject({ selection: { keys: ["B"] }, since: undefined });
  });

  test("rejects if the server refuses it, and the selection before stays", async () => {
    const feed = await live({ keys: ["A"] });
    const refused = feed.select({ hz: 1_000 });
    world.promises();
    await world.pass(100);
    await expect(refused).rejects.toThrow("hz");
    server.publish({ key: "A", set: {} });
    await world.pass(100);
    expect(feed.size).toBe(1);
  });

  test("rejects if the feed is closed", async () => {
    const feed = open();
    const pending = feed.select({ keys: ["B"] });
    feed.close();
    await expect(pending).rejects.toThrow(FeedClosedError);
    await expect(feed.select({})).rejects.toThrow(FeedClosedError);
  });
});

test("a feed that is closed is closed for good, with nothing left behind", async () => {
  const feed = await live();
  feed.close();
  feed.reconnect();
  feed.close();
  await world.pass(100_000);
  expect(feed.status).toMatchObject({ state: "closed", code: undefined });
  expect([world.timers, world.watchers, server.openings.length]).toEqual([0, 0, 1]);
});
