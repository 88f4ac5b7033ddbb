import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import { DEFAULT_POLICY, LiveFeed } from "../../../src/durable/live-feed.ts";
import { ReadTurns } from "../../../src/durable/storage/read-turns.ts";
import { readRecord } from "../../../src/feed/state/record.ts";
import { Budget } from "../../../src/feed/fanout/budget.ts";
import { FEED_LIMITS, LIMITS, SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import { newFeed } from "../../support/api.ts";

/** Milliseconds that one step may take here, on a machine that does other things beside: in production it is 5 or so. */
const STEP = 50;

function withSql(act: (sql: SqlStorage) => Promise<void> | void): Promise<void> {
  return runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) => act(storage.sql));
}

/** How long each of several calls took, in order: the median of the longest, so that a pause of the machine is none. */
function longest(times: readonly number[]): number {
  return times.toSorted((a, b) => b - a)[Math.floor(times.length / 20)] ?? 0;
}

describe("[I8] a feed whose entries all end at once", () => {
  test.each([
    [10_000, false],
    [87_000, true],
  ])("opens again, tells of each deletion, and can be reset (%d of them, away meanwhile: %s)", async (keys, away) => {
    await withSql(async (sql) => {
      let now = Date.now();
      const platform = {
        now: () => now,
        steady: () => performance.now(),
        wakeBy: () => {},
        abandon: () => expect.unreachable(),
      };
      const open = (): LiveFeed => LiveFeed.open(new FeedStore(sql, FEED_LIMITS), platform, DEFAULT_POLICY, "epoch");
      let live = open();
      for (let i = 0; i < keys; i += 1000) {
        const updates = Array.from(
          { length: 1000 },
          (_, j) => `{"key":"${`${i + j}`.padEnd(128, "k")}","set":{},"ttl":60}`,
        );
        const outcome = await live.accept({ updates });
        expect(outcome.ok).toBe(true);
      }
      now += 61_000;
      if (away) {
        live.end();
        live = open();
      }
      live.commit();
      expect(live.feed.entries.size, "a part is done at once").toBe(keys - 500);
      // Publishing goes on in between.
      expect(await live.accept({ updates: ['{"key":"new","set":{}}'] })).toMatchObject({ ok: true });
      expect(live.feed.entries.size).toBeGreaterThan(1);
      while (live.feed.entries.size > 1) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(live.feed.seq).toBe(2 * keys + 1);
      live.end();
      live = open();
      expect([...live.feed.entries.select({ id: "", keys: new Set(), prefixes: [""] })].map(({ key }) => key)).toEqual([
        "new",
      ]);
      live.reset("other");
      expect(live.feed.entries.size).toBe(0);
      live.end();
    });
  });
});

describe("[I7] a feed at its limits", () => {
  test("is checkpointed in short steps, opens in well under 2 s, and is reset in short steps", async () => {
    await withSql((sql) => {
      const store = new FeedStore(sql, FEED_LIMITS);
      const { feed } = store.load(0, "epoch");
      const times: number[] = [];
      const step = (): number => timed(() => store.step(feed, 0, () => {}));
      // 100,000 keys and 14 Mi characters, published in batches of 1,000; every value is changed several times.
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 100_000; i += 1000) {
          const texts = Array.from(
            { length: 1000 },
            (_, j) => `{"key":"key-${i + j}","set":{"n":${round},"pad":"${"x".repeat(110)}"}}`,
          );
          const { seq } = feed;
          const acceptance = feed.accept(texts, round);
          if (!acceptance.ok) throw new Error(acceptance.code);
          store.append(feed, [readRecord(seq, round, texts)], []);
          if (store.hasWork) times.push(step());
        }
      }
      while (store.hasWork) times.push(step());
      expect(times.length).toBeGreaterThan(100);
      expect(longest(times)).toBeLessThan(STEP);
      const again = new FeedStore(sql, FEED_LIMITS);
      const opening = timed(() => expect(again.load(0, "").feed.entries.size).toBe(100_000));
      expect(opening).toBeLessThan(2000);
      feed.reset("e2");
      const resetting = timed(() => store.reset(feed));
      const after: number[] = [];
      while (store.hasWork) after.push(step());
      expect(resetting).toBeLessThan(STEP);
      expect(longest(after)).toBeLessThan(STEP);
      expect(sql.exec("SELECT count(*) AS n FROM history").one()["n"]).toBe(0);
    });
  });

  test("finds a rare key's history in few rows, in short steps", async () => {
    await withSql((sql) => {
      const store = new FeedStore(sql, FEED_LIMITS);
      const { feed } = store.load(0, "epoch");
      const publish = (texts: string[]): void => {
        const { seq } = feed;
        if (!feed.accept(texts, 0).ok) throw new Error("refused");
        store.append(feed, [readRecord(seq, 0, texts)], []);
        while (store.hasWork) store.step(feed, 0, () => {});
      };
      publish(['{"key":"rare","set":{"n":1}}']);
      for (let i = 0; i < 200; i++) {
        publish(Array.from({ length: 1000 }, (_, j) => `{"key":"k${j}-${i % 7}","set":{"pad":"${"x".repeat(100)}"}}`));
      }
      expect(sql.exec<{ n: number }>("SELECT count(*) AS n FROM history").one().n).toBeGreaterThan(60);
      const exec = sql.exec.bind(sql);
      let reads = 0;
      Object.defineProperty(sql, "exec", {
        configurable: true,
        value: (...args: Parameters<SqlStorage["exec"]>) => {
          if (args[0].startsWith("SELECT records FROM history")) reads++;
          return exec(...args);
        },
      });
      const times: number[] = [];
      const steps = store.history("rare", 100, feed.seq + 1);
      for (;;) {
        const start = performance.now();
        const { done, value } = steps.next();
        times.push(performance.now() - start);
        if (done !== true) continue;
        expect(value.updates).toMatchObject([{ seq: 1, line: '{"key":"rare","set":{"n":1}}' }]);
        break;
      }
      expect(reads, "large rows that were read").toBeLessThan(8);
      expect(longest(times)).toBeLessThan(STEP);
    });
  });

  test("is opened in time with as many publishes remembered as there may be", async () => {
    await withSql((sql) => {
      const store = new FeedStore(sql, FEED_LIMITS);
      const first = store.load(0, "epoch");
      store.append(first.feed, [readRecord(0, 0, ['{"key":"A","set":{}}'])], []);
      const lines = Array.from({ length: 1000 }, () => "1 1 0 []").join("\n");
      for (let i = 0; i < SERVER_LIMITS.rememberedPublishes / 1000; i++) {
        const hashes = crypto.getRandomValues(new Uint32Array(2000));
        sql.exec(
          "INSERT INTO publishes VALUES (?, ?, ?, ?)",
          1 + 1000 * i,
          LIMITS.idempotencyWindow + i * 400,
          hashes.buffer,
          lines,
        );
      }
      const start = performance.now();
      const { idempotency } = new FeedStore(sql, FEED_LIMITS).load(0, "epoch");
      expect(performance.now() - start).toBeLessThan(1500);
      expect(idempotency.size).toBe(SERVER_LIMITS.rememberedPublishes);
      expect(idempotency.bytes).toBeLessThan(24 * 1024 * 1024);
    });
  });
});

describe("[I7] jobs that take turns", () => {
  test("are done a step at a time, the owners in turn, whatever one of them asks for", async () => {
    const turns = new ReadTurns(new Budget().history);
    const done: string[] = [];
    const greedy = Array.from({ length: 30 }, () => turns.take("greedy", job("g", 10, done)));
    const modest = turns.take("modest", job("m", 5, done));
    expect(await modest).toBe("m");
    expect(done.length).toBeLessThan(20);
    expect(await Promise.all(greedy)).toEqual(Array.from({ length: 30 }, () => "g"));
  });

  test("are refused where too many wait, of one owner and of all", async () => {
    const turns = new ReadTurns(new Budget().history);
    const taken = Array.from({ length: 100 }, () => turns.take("greedy", job("g", 1, [])));
    expect(await turns.take("modest", job("m", 1, []))).toBe("m");
    expect((await Promise.all(taken)).filter((name) => name === undefined).length).toBeGreaterThan(30);
  });

  test("[I9] are ended one after the other once they hold much", async () => {
    const turns = new ReadTurns(new Budget().history);
    let held = 0;
    let most = 0;
    function* hoard(): Generator<number, string> {
      let own = 0;
      for (; own < 2 * 1024 * 1024; own += 256 * 1024) {
        held += 256 * 1024;
        most = Math.max(most, held);
        yield own + 256 * 1024;
      }
      held -= own;
      return "full";
    }
    const owners = await Promise.all(Array.from({ length: 20 }, (_, i) => turns.take(`${i}`, hoard())));
    expect(owners).toEqual(Array.from({ length: 20 }, () => "full"));
    expect(most).toBeLessThan(8 * 1024 * 1024);
  });

  test("end with an answer to each where all is ended, and none goes on", async () => {
    const turns = new ReadTurns(new Budget().history);
    const done: string[] = [];
    const taken = Array.from({ length: 10 }, (_, i) => turns.take(`owner ${i % 3}`, job("j", 5, done)));
    turns.end();
    expect(await Promise.all(taken)).toEqual(Array.from({ length: 10 }, () => undefined));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toHaveLength(1);
    expect(await turns.take("owner 0", job("later", 2, done)), "and others may come").toBe("later");
  });

  test("that fail are told so, and keep nobody else waiting", async () => {
    const turns = new ReadTurns(new Budget().history);
    const failing = turns.take(
      "a",
      (function* () {
        yield 0;
        throw new Error("broken");
      })(),
    );
    const other = turns.take("b", job("b", 3, []));
    await expect(failing).rejects.toThrow("broken");
    expect(await other).toBe("b");
  });
});

/** Milliseconds. */
function timed(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}

function* job(name: string, steps: number, done: string[]): Generator<number, string> {
  for (let i = 0; i < steps; i++) {
    done.push(name);
    yield 0;
  }
  return name;
}
