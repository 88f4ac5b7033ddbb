import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { DEFAULT_POLICY, LiveFeed } from "../../src/durable/live-feed.ts";
import { FeedStore } from "../../src/durable/storage/feed-store.ts";
import { FEED_LIMITS } from "../../src/protocol/limits.ts";
import { newFeed } from "../support/api.ts";

describe("[I8] a feed whose entries all expire at once", () => {
  test.each([
    [2_000, false],
    [20_000, true],
  ])(
    "opens again, sends each deletion, and can be reset (%d entries, reopened meanwhile: %s)",
    async (keys, isReopened) => {
      await runInDurableObject(env.FEEDS.getByName(newFeed()), async (_, { storage: { sql } }) => {
        let now = Date.now();
        const platform = {
          now: () => now,
          steady: () => performance.now(),
          wakeBy: () => {},
          abandon: () => expect.unreachable(),
        };
        const open = (): LiveFeed => new LiveFeed(new FeedStore(sql, FEED_LIMITS), platform, DEFAULT_POLICY, "epoch");
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
        if (isReopened) {
          live.end();
          live = open();
        }
        live.commit();
        expect(live.feed.entries.size, "a part is deleted at once").toBe(keys - 500);
        // Batches are accepted in between.
        expect(await live.accept({ updates: ['{"key":"new","set":{}}'] })).toMatchObject({ ok: true });
        expect(live.feed.entries.size).toBeGreaterThan(1);
        while (live.feed.entries.size > 1) await new Promise((resolve) => setTimeout(resolve, 10));
        expect(live.feed.seq).toBe(2 * keys + 1);
        live.end();
        live = open();
        expect(
          [...live.feed.entries.select({ id: "", keys: new Set(), prefixes: [""] })].map(({ key }) => key),
        ).toEqual(["new"]);
        live.reset("other");
        expect(live.feed.entries.size).toBe(0);
        live.end();
      });
    },
  );
});
