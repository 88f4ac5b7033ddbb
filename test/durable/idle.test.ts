import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveFeed } from "../../src/durable/live-feed.ts";
import type { Sink } from "../../src/feed/fanout/subscriber.ts";
import { subscriptionOf } from "../feed/recording-subscriber.ts";
import { withLiveFeeds } from "./live.ts";

describe("[I4] no timer is armed while nothing is pending", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("with 1,000 subscribers, who are served after the receipt", async () => {
    await withLiveFeeds(async ({ open }) => {
      const [live, sent]: [LiveFeed, string[]] = [open(), []];
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
      expect(sent, "half of them got both updates in one message").toHaveLength(1500);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  test("a subscriber that lags, and is looked at now and then, delays no other subscriber", async () => {
    await withLiveFeeds(async ({ open }) => {
      const [live, sent]: [LiveFeed, string[]] = [open(), []];
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

function sinkOf(sent: string[]): Sink {
  return {
    account: "someone",
    send: ({ text }) => void sent.push(text),
    clearPosition: () => {},
    backlog: () => 0,
    drop: () => {},
  };
}
