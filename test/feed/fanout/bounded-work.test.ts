import { describe, expect, test } from "vitest";
import { Feed } from "../../../src/feed/state/feed.ts";
import { readRecord, type LogRecord } from "../../../src/feed/state/record.ts";
import { FEED_LIMITS } from "../../../src/protocol/limits.ts";
import { subscriptionOf } from "../fixture.ts";
import { oldestFirst } from "../../support/entries.ts";
import { quickest } from "../../support/quickest.ts";

/** Milliseconds that one message may take. */
const BOUND = 50;

/** A value of 64 KiB with very many members. */
const WIDE = JSON.stringify(Object.fromEntries(Array.from({ length: 4_500 }, (_, i) => [`m${i}`, 10_000 + i])));

function feedOf(count: number, name: (i: number) => string, value: (i: number) => string): Feed {
  const feed = new Feed({ epoch: "e", seq: count, time: 0, forgotten: 0 });
  for (let i = 0; i < count; i++) {
    feed.restore({ key: name(i), seq: i + 1, time: undefined, version: undefined, expires: undefined, text: value(i) });
  }
  return feed;
}

function tinyPatch(key: string, i: number): string {
  return `{"key":"${key}","patch":{"m${(i * 7) % 4_500}":${i}}}`;
}

/** As many as are in a journal of 4 MiB. */
function* tinyRecords(): Generator<LogRecord> {
  for (let i = 0; i < 100_000; i++) yield readRecord(200 + i, 0, [tinyPatch(`k${i % 200}`, i)]);
}

function shuffledName(i: number): string {
  return `key.${(i * 7919) % 100_003}`;
}

describe("[I7] a message of the largest size takes less than 50 ms", () => {
  test("with 1,000 tiny patches of one large value", () => {
    const feed = feedOf(
      1,
      () => "A",
      () => WIDE,
    );
    const batch = Array.from({ length: 1_000 }, (_, i) => tinyPatch("A", i));
    expect(quickest(() => expect(feed.accept(batch, 0)).toMatchObject({ ok: true }))).toBeLessThan(10);
  });

  test("[PUB4] with patches of each of many large values, which cost less than parsing each once", () => {
    const feed = feedOf(
      200,
      (i) => `k${i}`,
      () => WIDE,
    );
    const batch = Array.from({ length: 1_000 }, (_, i) => tinyPatch(`k${i % 200}`, i));
    const patching = quickest(() => expect(feed.accept(batch, 0)).toMatchObject({ ok: true }));
    const parsing = quickest(() => oldestFirst(feed.entries).map(({ value }) => value), 3);
    // About 25 ms if nothing else runs; compared with what this machine can do at this moment.
    expect(patching).toBeLessThan(parsing);
  });

  test("with 1,000 prefixes, among 100,000 keys", () => {
    const feed = feedOf(100_000, shuffledName, () => "{}");
    const none = subscriptionOf(Array.from({ length: 1_000 }, (_, i) => `no.${i}*`)).selection;
    const some = subscriptionOf(Array.from({ length: 1_000 }, (_, i) => `key.${1_000 + i}*`)).selection;
    expect(quickest(() => expect([...feed.entries.select(none)]).toEqual([]))).toBeLessThan(10);
    expect(quickest(() => expect([...feed.entries.changedAfter(0, none)]).toEqual([]))).toBeLessThan(10);
    expect(quickest(() => expect([...feed.entries.select(some)].length).toBe(11_003))).toBeLessThan(BOUND);
    expect(quickest(() => expect([...feed.entries.changedAfter(0, some)].length).toBe(11_003))).toBeLessThan(BOUND);
  });

  test("when everything expires at once", () => {
    const feed = new Feed({ epoch: "e", seq: 100_000, time: 0, forgotten: 0 });
    for (let i = 0; i < 100_000; i++) {
      const key = shuffledName(i);
      feed.restore({ key, seq: i + 1, time: undefined, version: undefined, expires: 1000, text: "{}" });
    }
    expect(quickest(() => expect(feed.expire(1000)?.updates).toHaveLength(1_000))).toBeLessThan(BOUND);
  });
});

describe("[I8] a feed at its limits is opened within 2 s", () => {
  test("with 100,000 keys of 16 MiB", () => {
    const value = JSON.stringify({ text: "x".repeat(FEED_LIMITS.length / 100_000 - 26) });
    const start = performance.now();
    const feed = feedOf(100_000, shuffledName, () => value);
    feed.applyAll([]);
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(feed.entries.size).toBe(100_000);
  });

  test("with a journal of tiny patches to large values", () => {
    const start = performance.now();
    const feed = feedOf(
      200,
      (i) => `k${i}`,
      () => WIDE,
    );
    feed.applyAll(tinyRecords());
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(feed.seq).toBe(100_200);
    expect(feed.entries.get("k199")?.value?.["m3"]).toBe(10_003);
  });
});
