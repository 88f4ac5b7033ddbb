import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { FeedStore } from "../../../src/durable/storage/feed-store.ts";
import { readRecord } from "../../../src/feed/state/record.ts";
import { FEED_LIMITS, LIMITS, SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import { newFeed } from "../../support/api.ts";

/** Milliseconds that a step may take on a busy machine. In production it takes about 5. */
const STEP = 50;

function withSql(act: (sql: SqlStorage) => Promise<void> | void): Promise<void> {
  return runInDurableObject(env.FEEDS.getByName(newFeed()), (_, { storage }) => act(storage.sql));
}

/** The time that all but the longest twentieth of the calls stay below: pauses of the machine do not count. */
function longest(times: readonly number[]): number {
  return times.toSorted((a, b) => b - a)[Math.floor(times.length / 20)] ?? 0;
}

describe("[I7] a feed at its limits", () => {
  test("[STO2] is checkpointed and reset in short steps, and opens within 2 s", async () => {
    await withSql((sql) => {
      const store = new FeedStore(sql, FEED_LIMITS);
      const { feed } = store.load(0, "epoch");
      const times: number[] = [];
      const step = (): number => timed(() => store.step(feed, 0, () => {}));
      // 100,000 keys and 14 Mi characters, published in batches of 1,000; every value is changed.
      for (let round = 0; round < 2; round++) {
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

  test("[STO5] finds a rare key's history in few rows, in short steps", async () => {
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
      for (let i = 0; i < 100; i++) {
        publish(Array.from({ length: 1000 }, (_, j) => `{"key":"k${j}-${i % 7}","set":{"pad":"${"x".repeat(100)}"}}`));
      }
      expect(sql.exec<{ n: number }>("SELECT count(*) AS n FROM history").one().n).toBeGreaterThan(40);
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

  test("opens in time with the largest number of remembered publishes", async () => {
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
      const { known } = new FeedStore(sql, FEED_LIMITS).load(0, "epoch");
      expect(performance.now() - start).toBeLessThan(2000);
      expect(known.single.size).toBe(SERVER_LIMITS.rememberedPublishes);
      expect(known.single.bytes).toBeLessThan(24 * 1024 * 1024);
    });
  });
});

/** Milliseconds. */
function timed(act: () => void): number {
  const start = performance.now();
  act();
  return performance.now() - start;
}
