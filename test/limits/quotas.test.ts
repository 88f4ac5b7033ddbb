import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SETTINGS } from "../../src/access/settings.ts";
import { quotasOf } from "../../src/limits/quotas.ts";
import { TokenBucket, TokenBuckets } from "../../src/limits/token-bucket.ts";

describe("quotas", () => {
  test("have their defaults if nothing is set", () => {
    const quotas = quotasOf({ MAX_KEYS: "", PUBLISH_RATE: " " });
    expect(quotas.feed.keys).toBe(SETTINGS.MAX_KEYS);
    expect(quotas.publish).toEqual({ perSecond: SETTINGS.PUBLISH_RATE, burst: SETTINGS.PUBLISH_BURST });
    expect(quotas.serves("anything")).toBe(true);
  });

  test("are what is set", () => {
    const settings = {
      MAX_FEEDS: "7",
      MAX_KEYS: "8",
      MAX_LENGTH: "11",
      MAX_HISTORY: "12",
      PUBLISH_RATE: "0.5",
      MAX_SOCKETS: "9",
      MESSAGE_BURST: " 10 ",
    };
    expect(quotasOf(settings)).toMatchObject({
      feeds: 7,
      feed: { keys: 8, length: 11, history: 12 },
      publish: { perSecond: 0.5 },
      sockets: 9,
      messages: { burst: 10 },
    });
  });

  test.each(["0", "-1", "many", "1e9", "1,000", "Infinity", "0x10"])("throw if one is %j", (text) => {
    expect(() => quotasOf({ MAX_KEYS: text })).toThrow("MAX_KEYS");
  });

  test.each([
    ["stocks", ["stocks"], ["stock", "stocks-eu", "x"]],
    ["stocks, crypto-*", ["stocks", "crypto-", "crypto-eu"], ["crypto", "fx"]],
    ["a  b\nc", ["a", "b", "c"], ["d"]],
    ["*", ["a", "z9"], []],
  ])("FEED_NAMES %j selects the feeds that are served", (names, served, refused) => {
    const { serves } = quotasOf({ FEED_NAMES: names });
    expect(served.filter(serves)).toEqual(served);
    expect(refused.filter(serves)).toEqual([]);
  });

  test.each(["", " , ", "Stocks", "a*b", "stocks;crypto"])("throw if FEED_NAMES is %j", (names) => {
    expect(() => quotasOf({ FEED_NAMES: names })).toThrow("FEED_NAMES");
  });
});

describe("[MSG4] a token bucket", () => {
  test("[I7] lets nothing through free: it goes below zero for more than it holds", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 100 }, 0);
    expect(bucket.take(0, 300)).toBe(0);
    expect(bucket.take(10_000)).toBeGreaterThan(0);
    expect(bucket.take(20_000, 300)).toBeGreaterThan(0);
    expect(bucket.take(20_100)).toBe(0);
  });

  test("never gives more than its burst and what has flowed in since, and never refuses what it has", () => {
    const waits = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 300 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 30 }),
        waits,
        (perSecond, burst, steps) => {
          let now = 1_000_000;
          const bucket = new TokenBucket({ perSecond, burst }, now);
          const takes: number[] = [];
          for (const step of steps) {
            now += step;
            const wait = bucket.take(now);
            if (wait === 0) takes.push(now);
            else {
              // A caller that comes back after the wait it was given is served, and not before. The clock only goes forward.
              expect(bucket.take(now + Math.max(0, wait - 1))).toBeGreaterThan(0);
              now += Math.ceil(wait);
              expect(bucket.take(now)).toBe(0);
              takes.push(now);
            }
          }
          for (const [i, from] of takes.entries()) {
            for (const [j, to] of takes.slice(i).entries()) {
              expect(j + 1).toBeLessThanOrEqual(burst + ((to - from) / 1000) * perSecond + 1e-6);
            }
          }
        },
      ),
    );
  });

  test("gives nothing for a clock that is set back, and takes nothing", () => {
    const bucket = new TokenBucket({ perSecond: 1, burst: 2 }, 10_000);
    expect([bucket.take(10_000), bucket.take(5_000)]).toEqual([0, 0]);
    expect(bucket.take(5_500)).toBe(500);
    expect(bucket.take(6_000)).toBe(0);
  });

  test("is one for each, however many there are", () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 });
    for (let i = 0; i < 5_000; i++) expect(buckets.take(`taker ${i}`, 0)).toBe(0);
    for (let i = 0; i < 5_000; i++) expect(buckets.take(`taker ${i}`, 500)).toBe(500);
    for (let i = 0; i < 5_000; i++) expect(buckets.take(`taker ${i}`, 1_000)).toBe(0);
  });
});
