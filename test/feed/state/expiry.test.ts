import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ExpiryQueue, expiryOf, type Expiring } from "../../../src/feed/state/expiry.ts";
import { Feed } from "../../../src/feed/state/feed.ts";

interface Item extends Expiring {
  expires: number | undefined;
}

const time = fc.option(fc.nat({ max: 50 }), { nil: undefined });

describe("the expiry queue", () => {
  test("returns its items in order of time, in whatever order they came and however they were changed", () => {
    fc.assert(
      fc.property(
        fc.array(time),
        fc.array(fc.tuple(fc.nat(), time)),
        fc.nat({ max: 50 }),
        fc.nat({ max: 20 }),
        (times, changes, now, most) => {
          const queue = new ExpiryQueue<Item>();
          const items = times.map((expires): Item => ({ expires, heapIndex: -1 }));
          for (const item of items) queue.update(item);
          for (const [i, expires] of changes) {
            const item = items[i % Math.max(1, items.length)];
            if (!item) continue;
            item.expires = expires;
            queue.update(item);
          }
          const left = items.flatMap(({ expires }) => expires ?? []).toSorted((a, b) => a - b);
          expect(queue.size).toBe(left.length);
          const due = [...queue.due(now, most)].map(({ expires }) => expires);
          expect(due).toEqual(left.filter((at) => at <= now).slice(0, most));
          expect(queue.next).toBe(left[due.length]);
          expect([...queue.due(Infinity, Infinity)].map(({ expires }) => expires)).toEqual(left.slice(due.length));
          expect(items.every(({ heapIndex }) => heapIndex === -1)).toBe(true);
        },
      ),
    );
  });
});

describe("[PUB8] a ttl", () => {
  test.each([
    [0.0129, 13],
    [0.057, 57],
    [1.005, 1005],
    [1e-9, 1],
    [30, 30_000],
    [315_360_000, 315_360_000_000],
  ])("[I8] of %s seconds is %s whole milliseconds, which every alarm knows", (ttl, milliseconds) => {
    expect(expiryOf(1_700_000_000_000, ttl)).toBe(1_700_000_000_000 + milliseconds);
    const feed = Feed.begin("e");
    feed.accept([`{"key":"A","set":{},"ttl":${ttl}}`], 1_700_000_000_000);
    expect(feed.nextExpiry).toBe(1_700_000_000_000 + milliseconds);
  });

  test("[I8] that was stored with a fraction of a millisecond is restored as a whole one", () => {
    const feed = new Feed({ epoch: "e", seq: 1, time: 5, forgotten: 0 });
    feed.restore({ key: "A", seq: 1, time: undefined, version: undefined, expires: 17.9, text: "{}" });
    expect(feed.nextExpiry).toBe(18);
    expect(feed.expire(17)).toBeUndefined();
    expect(feed.expire(18)?.updates).toHaveLength(1);
  });
});

describe("entries that expire together", () => {
  test("[PUB9] [I8] are deleted in records of bounded length, one after the other", () => {
    const feed = new Feed({ epoch: "e", seq: 5_500, time: 0, forgotten: 0 });
    for (let i = 0; i < 5_500; i++) {
      feed.restore({ key: `k${i}`, seq: i + 1, time: undefined, version: undefined, expires: 1000, text: "{}" });
    }
    let records = 0;
    for (let record = feed.expire(1000); record; record = feed.expire(1000)) {
      records++;
      expect(record.updates.length).toBeLessThanOrEqual(1000);
      expect(feed.nextExpiry).toBe(feed.entries.size > 0 ? 1000 : undefined);
    }
    expect(records).toBe(6);
    expect(feed.entries.size).toBe(0);
    expect(feed.seq).toBe(2 * 5_500);
  });

  test("[I5] and are renewed before their time stay, and leave nothing behind", () => {
    const feed = Feed.begin("e");
    for (let i = 0; i < 500; i++) {
      feed.accept([`{"key":"k${i % 5}","set":{},"ttl":30}`], i * 10);
      expect(feed.expiring).toBe(Math.min(5, i + 1));
    }
    expect(feed.nextExpiry).toBe(495 * 10 + 30_000);
    feed.accept([`{"key":"k0","patch":{}}`, `{"key":"k1","delete":true}`], 60_000);
    expect(feed.expiring).toBe(3);
  });
});
