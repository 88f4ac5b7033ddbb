import { describe, expect, test } from "vitest";
import { EVERYTHING } from "../../src/protocol/selection.ts";
import { withLiveFeeds } from "./live.ts";

describe("[I8] a feed whose entries all expire at once", () => {
  test.each([
    [2_000, false],
    [20_000, true],
  ])(
    "opens again, sends each deletion, and can be reset (%d entries, reopened meanwhile: %s)",
    async (keys, isReopened) => {
      await withLiveFeeds(async (feeds) => {
        let now = Date.now();
        const open = (): ReturnType<typeof feeds.open> => feeds.open({ now: () => now });
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
        expect([...live.feed.entries.select(EVERYTHING)].map(({ key }) => key)).toEqual(["new"]);
        live.reset("other");
        expect(live.feed.entries.size).toBe(0);
        live.end();
        expect(feeds.abandoned).toEqual([]);
      });
    },
  );
});
