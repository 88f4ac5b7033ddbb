import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { DEFAULT_POLICY, LiveFeed } from "../../src/durable/live-feed.ts";
import type { Sink } from "../../src/feed/fanout/subscriber.ts";
import type { FeedObject } from "../../src/index.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { newFeed } from "../support/api.ts";
import { subscriptionOf } from "../feed/fixture.ts";

describe("[I4] no timer is armed while nothing is pending", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("before, between and after batches, however fast they came", async () => {
    await withLiveFeed(async (live, sent) => {
      live.broadcast.subscribe(sinkOf(sent), subscriptionOf([]), undefined);
      expect(vi.getTimerCount()).toBe(0);
      for (let round = 0; round < 3; round++) {
        const receipts = [];
        for (let i = 0; i < 300; i++) {
          receipts.push(live.accept({ updates: [`{"key":"A","patch":{"n":${i}}}`] }));
          vi.advanceTimersByTime(1);
        }
        expect(vi.getTimerCount(), "a busy feed gathers").toBeGreaterThan(0);
        vi.advanceTimersByTime(1000);
        await Promise.all(receipts);
        expect(vi.getTimerCount()).toBe(0);
      }
      expect(JSON.parse(sent.at(-1)!)).toMatchObject({ seq: 900, updates: [{ key: "A", patch: { n: 299 } }] });
    });
  });

  test("with 1,000 subscribers, who are served after the receipt", async () => {
    await withLiveFeed(async (live, sent) => {
      for (let i = 0; i < 1000; i++) {
        live.broadcast.subscribe(sinkOf(sent), subscriptionOf([]), undefined);
      }
      expect(sent.length, "so many at once are served in steps").toBeLessThan(1000);
      vi.advanceTimersByTime(100);
      expect(sent).toHaveLength(1000);
      sent.length = 0;
      await live.accept({ updates: ['{"key":"A","set":{}}'] });
      expect(sent, "the receipt comes first").toEqual([]);
      vi.advanceTimersByTime(0);
      expect(sent.length, "in slices").toBeLessThan(1000);
      const receipt = live.accept({ updates: ['{"key":"B","set":{}}'] });
      expect(await receipt, "between which others are served").toMatchObject({ ok: true });
      expect(sent.length).toBeLessThan(1000);
      vi.advanceTimersByTime(1000);
      expect(sent).toHaveLength(2000);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test("a subscriber that lags, and is looked at now and then, delays no other subscriber", async () => {
    await withLiveFeed(async (live, sent) => {
      const lagging: Sink = { ...sinkOf([]), backlog: () => 1_000_000 };
      live.broadcast.subscribe(lagging, subscriptionOf([]), undefined);
      for (let i = 0; i < 100; i++) live.broadcast.subscribe(sinkOf(sent), subscriptionOf([]), undefined);
      for (let i = 0; i < 3; i++) {
        sent.length = 0;
        await live.accept({ updates: [`{"key":"A","set":{"i":${i}}}`] });
        vi.advanceTimersByTime(5);
        expect(sent).toHaveLength(100);
        vi.advanceTimersByTime(100);
      }
      expect(live.broadcast.lagging).toBe(1);
    });
  });
});

/** A live feed on a real object's storage, with this test's clock. */
function withLiveFeed(act: (live: LiveFeed, sent: string[]) => Promise<void>): Promise<void> {
  return runInDurableObject(env.FEEDS.getByName(newFeed()), async (_: FeedObject, { storage }) => {
    const platform = { now: () => Date.now(), steady: () => Date.now(), wakeBy: () => {}, abandon: () => {} };
    await act(new LiveFeed(new FeedStore(storage.sql, FEED_LIMITS), platform, DEFAULT_POLICY, "epoch"), []);
  });
}

function sinkOf(sent: string[]): Sink {
  return {
    account: "someone",
    send: ({ text }) => void sent.push(text),
    clearPosition: () => {},
    backlog: () => 0,
    drop: () => {},
  };
}
