import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { FeedObject } from "../../src/index.ts";
import { newFeed, publish, request } from "../support/api.ts";

interface History {
  feed: string;
  epoch: string;
  key: string;
  updates: { seq: number; time: number; set?: { p: number } }[];
  more: boolean;
}

async function history(feed: string, query: string): Promise<History> {
  const response = await request(`/v1/feeds/${feed}/history?${query}`);
  expect(response.status).toBe(200);
  return response.json();
}

function seqs({ updates }: History): number[] {
  return updates.map(({ seq }) => seq);
}

describe("[READ9] history", () => {
  test("holds a key's updates with their seq, oldest first, deletions among them", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, [
      { key: "A", set: { p: 1 }, time: 1000 },
      { key: "B", set: {} },
      { key: "A", patch: { p: null, q: 2 }, time: 999.5, version: 3, ttl: 60 },
      { key: "A", delete: true, time: 0 },
    ]);
    expect(await history(feed, "key=A")).toEqual({
      feed,
      epoch,
      key: "A",
      updates: [
        { seq: 1, time: 1000, set: { p: 1 } },
        { seq: 3, time: 999.5, patch: { p: null, q: 2 }, version: 3, ttl: 60 },
        { seq: 4, time: 0, delete: true },
      ],
      more: false,
    });
  });

  test("has the server's time if the publisher gave none", async () => {
    const feed = newFeed();
    const before = Date.now();
    await publish(feed, { key: "A", set: {} });
    const { updates } = await history(feed, "key=A");
    expect(updates[0]?.time).toBeGreaterThanOrEqual(before);
    expect(updates[0]?.time).toBeLessThanOrEqual(Date.now());
  });

  test("leaves out stale updates", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {}, version: 2 },
      { key: "A", set: {}, version: 1 },
    ]);
    expect(seqs(await history(feed, "key=A"))).toEqual([1]);
  });

  test("of a key that never was is empty", async () => {
    const feed = newFeed();
    await publish(feed, { key: "AA", set: { key: "A" } });
    expect(await history(feed, "key=A")).toMatchObject({ key: "A", updates: [], more: false });
  });

  test("finds a key and no other, whatever its characters", async () => {
    const keys = ['"', "\\", "é😀", " ", "{}", "A\u2028", "%", "_", "'"];
    const feed = newFeed();
    await publish(
      feed,
      keys.flatMap((key) => [key, `${key}x`, `x${key}`].map((key) => ({ key, set: {} }))),
    );
    for (const [i, key] of keys.entries()) {
      const found = await history(feed, `key=${encodeURIComponent(key)}`);
      expect([found.key, seqs(found)]).toEqual([key, [1 + 3 * i]]);
    }
  });

  test("holds the newest 100 unless told otherwise, and up to 1,000", async () => {
    const feed = newFeed();
    await publish(
      feed,
      Array.from({ length: 1_000 }, (_, p) => ({ key: "A", set: { p } })),
    );
    await publish(feed, { key: "A", set: { p: 1_000 } });
    expect(seqs(await history(feed, "key=A"))).toEqual(Array.from({ length: 100 }, (_, i) => 902 + i));
    const longest = await history(feed, "key=A&limit=1000");
    expect(seqs(longest)).toEqual(Array.from({ length: 1_000 }, (_, i) => 2 + i));
    expect(longest.more).toBe(true);
    expect(seqs(await history(feed, "key=A&limit=1"))).toEqual([1_001]);
  });

  test("[I8] of long values comes in pages that can be sent", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    await runInDurableObject(env.FEEDS.getByName(feed), async (object: FeedObject) => {
      const text = "ж".repeat(32_000);
      for (let n = 0; n < 6; n++) {
        const updates = Array.from({ length: 15 }, (_, p) => `{"key":"A","set":{"p":${p},"t":"${text}"}}`);
        expect(await object.acceptBatch(updates.join("\n"), `publisher ${n}`)).toContain('"accepted":15');
      }
    });
    const page = await history(feed, "key=A&limit=1000");
    expect(page.more).toBe(true);
    const [first = 0] = seqs(page);
    expect(seqs(page)).toEqual(Array.from({ length: 92 - first }, (_, i) => first + i));
    expect(seqs(await history(feed, `key=A&limit=1&before=${first}`))).toEqual([first - 1]);
  });

  test("has more only if there is more", async () => {
    const feed = newFeed();
    await publish(
      feed,
      Array.from({ length: 5 }, (_, p) => ({ key: "A", set: { p } })),
    );
    expect((await history(feed, "key=A&limit=5")).more).toBe(false);
    expect((await history(feed, "key=A&limit=4")).more).toBe(true);
    expect(await history(feed, "key=A&before=1")).toMatchObject({ updates: [], more: false });
    expect(await history(feed, "key=A&before=0")).toMatchObject({ updates: [], more: false });
    expect(seqs(await history(feed, "key=A&before=9007199254740991"))).toEqual([1, 2, 3, 4, 5]);
  });

  test("is gone through page by page without a gap or a duplicate", async () => {
    const feed = newFeed();
    const expected: number[] = [];
    // Long values, so that storage has gone through several of its rows and checkpoints.
    for (let batch = 0; batch < 12; batch++) {
      const updates = Array.from({ length: 10 }, (_, i) => ({
        key: i % 3 ? "A" : "B",
        set: { p: i, pad: "x".repeat(8_000) },
      }));
      const { seq } = await publish(feed, updates);
      for (const [i, { key }] of updates.entries()) if (key === "A") expected.push(seq - 9 + i);
      if (batch === 6) await evictDurableObject(env.FEEDS.getByName(feed));
    }
    for (const limit of [2, 7, 50, 1_000]) {
      let page = await history(feed, `key=A&limit=${limit}`);
      const found = seqs(page);
      while (page.more) {
        page = await history(feed, `key=A&limit=${limit}&before=${found[0]}`);
        expect(page.updates).not.toEqual([]);
        found.unshift(...seqs(page));
      }
      expect(found, `${limit} at a time`).toEqual(expected);
    }
  });
});
