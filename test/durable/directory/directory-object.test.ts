import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { DirectoryStore } from "../../../src/durable/directory/directory-store.ts";
import type { DirectoryObject } from "../../../src/index.ts";
import { newFeed, publish } from "../../support/api.ts";
import { evict } from "../evictions.ts";

let one: DurableObjectStub<DirectoryObject>;
/** This test's own directory. */
beforeEach(() => void (one = env.DIRECTORY.getByName(crypto.randomUUID())));
afterEach(() => void vi.restoreAllMocks());

const KEY = "publish key x";
const TOKEN = "token guest";

type Ask = (feed: string) => Promise<unknown>;

/** Has a directory ask feeds by `act` from now on. */
function onAsk(directory: DurableObjectStub<DirectoryObject>, act: (feed: string, ask: Ask) => ReturnType<Ask>) {
  return runInDurableObject(directory, (instance: DirectoryObject) => {
    const object = instance as unknown as { ask: Ask };
    const ask = object.ask.bind(instance);
    object.ask = (feed) => act(feed, ask);
  });
}

/** The feeds that a directory asks from now on. */
async function countAsks(directory: DurableObjectStub<DirectoryObject>): Promise<string[]> {
  const asked: string[] = [];
  await onAsk(directory, (feed, ask) => {
    asked.push(feed);
    return ask(feed);
  });
  return asked;
}

const seqs = async (directory: DurableObjectStub<DirectoryObject>, ...feeds: string[]): Promise<unknown[]> =>
  (await directory.describe(feeds)).map(({ stats }) => stats?.seq);

describe("[FEED1] feeds that can be made", () => {
  test.each([false, true])("are limited, and those that exist stay (evicted: %s)", async (evicts) => {
    const step = async (): Promise<void> => (evicts ? evictDurableObject(one) : undefined);
    expect(await one.add("a", 2, KEY)).toBe("listed");
    expect(await one.add("b", 2, KEY)).toBe("listed");
    await step();
    expect(await one.add("c", 2, KEY)).toBe("full");
    expect(await one.add("a", 2, KEY)).toBe("listed");
    expect(await one.list("", 10)).toEqual(["a", "b"]);
    await step();
    await one.remove("a");
    await step();
    expect(await one.add("c", 2, KEY)).toBe("listed");
  });

  test("[I7] with one token are a hundred, also over evictions, and a removed feed gives its share back", async () => {
    await runInDurableObject(one, (directory: DirectoryObject) => {
      for (let i = 0; i < 100; i++) expect(directory.add(`chat-${i}`, 10_000, TOKEN)).toBe("listed");
    });
    await evictDurableObject(one);
    expect(await one.add("chat-100", 10_000, TOKEN)).toBe("share");
    expect(await one.add("chat-0", 10_000, TOKEN)).toBe("listed");
    expect(await one.add("chat-100", 10_000, "token another")).toBe("listed");
    expect(await one.add("stocks", 10_000, KEY)).toBe("listed");
    await one.remove("chat-7");
    expect(await one.add("chat-101", 10_000, TOKEN)).toBe("listed");
    expect(await one.add("chat-102", 10_000, TOKEN)).toBe("share");
  });

  test("[I7] with all tokens together are one half: keys have the rest", async () => {
    for (let i = 0; i < 5; i++) expect(await one.add(`chat-${i}`, 10, `token ${i}`)).toBe("listed");
    expect(await one.add("chat-5", 10, "token 5")).toBe("share");
    for (let i = 0; i < 5; i++) expect(await one.add(`stocks-${i}`, 10, KEY)).toBe("listed");
    expect(await one.add("stocks-5", 10, KEY)).toBe("full");
  });
});

describe("a directory that an older version stored", () => {
  test("goes on: its feeds are listed, described, kept and counted, and can be removed", async () => {
    const feeds = [newFeed(), newFeed()].toSorted();
    for (const feed of feeds) await publish(feed, { key: "A", set: {} });
    await runInDurableObject(one, (_, { storage }) => {
      storage.sql.exec("CREATE TABLE feeds (name TEXT PRIMARY KEY) WITHOUT ROWID");
      for (const feed of feeds) storage.sql.exec("INSERT INTO feeds (name) VALUES (?)", feed);
    });
    await evictDurableObject(one);
    expect(await one.list("", 10)).toEqual(feeds);
    expect(await seqs(one, ...feeds)).toEqual([1, 1]);
    expect(await one.add(feeds[0]!, 2, TOKEN)).toBe("listed");
    expect(await one.add("new", 2, KEY)).toBe("full");
    await one.remove(feeds[0]!);
    expect(await one.add("new", 2, KEY)).toBe("listed");
    await evictDurableObject(one);
    expect(await one.list("", 10)).toEqual(["new", feeds[1]]);
  });
});

describe("the stats of feeds", () => {
  const main = env.DIRECTORY.getByName("feeds");

  test("[READ7] [I4] that hibernate are known without waking them, also over an eviction of the directory", async () => {
    const feeds = Array.from({ length: 5 }, newFeed);
    for (const feed of feeds) await publish(feed, { key: "A", set: {} });
    await main.describe(feeds);
    // The stats of quiet feeds are stored.
    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now + 11_000);
    await main.describe(feeds);
    for (const feed of feeds) await evict(feed);
    const asked = await countAsks(main);
    expect(await seqs(main, ...feeds)).toEqual(feeds.map(() => 1));
    await evictDurableObject(main);
    const askedAnew = await countAsks(main);
    expect(await seqs(main, ...feeds)).toEqual(feeds.map(() => 1));
    expect([...asked, ...askedAnew]).toEqual([]);
  });

  test("[READ7] are as every receipt has said, although only feeds that have changed are asked", async () => {
    const [busy, quiet] = [newFeed(), newFeed()];
    await publish(quiet, { key: "A", set: {} });
    await publish(busy, { key: "A", set: {} });
    await main.describe([busy, quiet]);
    const asked = await countAsks(main);
    for (let seq = 2; seq < 12; seq++) {
      // A list at any moment of a publish.
      const listing = seq % 3 === 0 ? undefined : main.describe([busy, quiet]);
      await publish(busy, { key: "A", set: { seq } });
      await listing;
      if (seq % 5 === 0) await evict(busy);
      expect(await seqs(main, busy, quiet)).toEqual([seq, 1]);
    }
    expect(asked).not.toContain(quiet);
  });

  test("[READ7] [I1] are known to be stale as soon as the feed has changed, also over an eviction of the directory", async () => {
    await one.add("a", 10, KEY);
    await runInDurableObject(one, (_, { storage }) => {
      const known = new DirectoryStore(storage.sql);
      const figures = { seq: 1, keys: 1, subscribers: 0, replicas: [], lagging: 0, time: 0, storage: 0, started: 0 };
      known.describe("a", { feed: "a", epoch: "e", exists: true, ...figures }, 7);
      expect(known.get("a")).toMatchObject({ changed: false, asked: 7 });
      known.change("a");
      for (const store of [known, new DirectoryStore(storage.sql)])
        expect(store.get("a")).toMatchObject({ stats: { seq: 1 }, changed: true });
    });
  });

  test("[I6] cost no row for a feed that is published to between two lists", async () => {
    // Another test has moved its clock.
    await evictDurableObject(main);
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    await main.describe([feed]);
    const written = await runInDurableObject(main, (_, { storage }) => {
      const { sql } = storage;
      const exec = sql.exec.bind(sql);
      let rows = 0;
      sql.exec = (text, ...bindings) => {
        const cursor = exec<Record<string, SqlStorageValue>>(text, ...bindings);
        rows += cursor.rowsWritten;
        return cursor as never;
      };
      return { rows: () => rows };
    });
    for (let seq = 2; seq < 10; seq++) {
      await publish(feed, { key: "A", set: {} });
      expect(await seqs(main, feed)).toEqual([seq]);
    }
    expect(written.rows()).toBe(0);
  });

  test("are asked for once for all callers at a time", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const asked = await countAsks(main);
    await Promise.all(Array.from({ length: 50 }, () => main.describe([feed])));
    expect(asked).toEqual([feed]);
  });

  test("[READ8] [I7] are asked for at a bounded rate, and beyond it the last known ones are shown", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const [known] = await main.describe([feed]);
    await evictDurableObject(main);
    const now = Date.now();
    const clock = vi.spyOn(Date, "now").mockReturnValue(now);
    let asked = 0;
    await runInDurableObject(main, async (directory: DirectoryObject) => {
      Object.assign(directory, { ask: async () => ({ ...known?.stats, seq: ++asked }) });
      const want = async (): Promise<unknown> => {
        directory.change(feed);
        return (await directory.describe([feed]))[0]?.stats?.seq;
      };
      // The first time the feed is asked in any case.
      for (let i = 1; i <= 1_001; i++) expect(await want()).toBe(i);
      expect(await want()).toBe(1_001);
      clock.mockReturnValue(now + 20);
      for (let i = 0; i < 10; i++) await want();
      expect(asked).toBe(1_006);
    });
    // A new feed is shown all the same.
    const another = newFeed();
    await publish(another, { key: "A", set: {} });
    expect(await main.describe([another])).toMatchObject([{ feed: another, readable: true }]);
    await evictDurableObject(main);
  });

  test("[READ8] of a feed that hangs or fails are the last known ones, and delay no list for long", async () => {
    const [good, bad] = [newFeed(), newFeed()];
    for (const feed of [good, bad]) await publish(feed, { key: "A", set: {} });
    await main.describe([good, bad]);
    for (const feed of [good, bad]) await publish(feed, { key: "A", set: {} });
    await onAsk(main, (feed, ask) => (feed === bad ? new Promise(() => {}) : ask(feed)));
    const began = performance.now();
    expect(await main.describe([good, bad])).toMatchObject([
      { feed: good, stats: { seq: 2 }, readable: true },
      { feed: bad, stats: { seq: 1 }, readable: false },
    ]);
    expect(performance.now() - began).toBeLessThan(4_000);
    await evictDurableObject(main);
    expect(await seqs(main, good, bad)).toEqual([2, 2]);
  });
});

/** A hundred visits, as many as one account may make. */
function visitMany(): Promise<void> {
  return runInDurableObject(one, (directory: DirectoryObject) => {
    for (let i = 0; i < 100; i++) expect(directory.visit(`f${i}`, "192.0.2.1")).toBe("visited");
  });
}

describe("[FEED3] watching feeds that do not exist", () => {
  test("[I7] is limited by client IP or token, and coming back to a feed counts once", async () => {
    await visitMany();
    expect(await one.visit("f100", "192.0.2.1")).toBe("refused");
    await visitMany();
    expect(await one.visit("f100", "192.0.2.2")).toBe("visited");
    expect(await one.visit("f101", "")).toBe("visited");
    await one.add("f102", 10, KEY);
    expect(await one.visit("f102", "192.0.2.1")).toBe("listed");
    expect(await Promise.all(["f0", "f102", "f103"].map((feed) => one.find(feed)))).toEqual([
      "visited",
      "listed",
      "unknown",
    ]);
  });

  test("counts for ten minutes", async () => {
    await visitMany();
    const now = Date.now();
    vi.spyOn(Date, "now").mockReturnValue(now + 10 * 60_000 + 1_000);
    expect(await one.visit("f100", "192.0.2.1")).toBe("visited");
    expect(await one.find("f0")).toBe("unknown");
  });
});
