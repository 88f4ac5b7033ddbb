import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Market } from "../../src/demo/market.ts";
import { seededRandom } from "../../src/demo/random.ts";
import { SYMBOLS } from "../../src/demo/symbols.ts";
import type { MarketUpdate, StockFields } from "../../src/demo/stock.ts";
import { runs } from "../client/support/runs.ts";
import { applyTo } from "./apply.ts";

const START = Date.UTC(2026, 0, 5, 14, 30);

function open(seed: number, rate = 40): Market {
  return new Market({ random: seededRandom(seed), rate, start: START });
}

/** Everything that happens in `seconds` seconds, in steps of `step` milliseconds. */
function watch(market: Market, seconds: number, step = 100): MarketUpdate[] {
  const updates: MarketUpdate[] = [];
  for (let ms = 0; ms <= seconds * 1000; ms += step) updates.push(...market.advance(START + ms));
  return updates;
}

const number = (fields: StockFields, name: string) => Number(fields[name]);

/** Prices that do not cross, a last trade between them and between low and high, and the change that belongs to it. */
function isPossible(now: StockFields): boolean {
  const [bid, ask, last] = [number(now, "bid"), number(now, "ask"), number(now, "last")];
  const isBetween = bid > 0 && bid < ask && last >= bid && last <= ask;
  const isInDay = number(now, "high") >= last && number(now, "low") <= last;
  return isBetween && isInDay && Math.abs(number(now, "change") - (last - number(now, "open"))) < 1e-6;
}

describe("what happens", () => {
  test("is the same for the same seed, whatever the steps of time", () => {
    expect(watch(open(7), 60)).toEqual(watch(open(7), 60, 1_000));
  });

  test("differs for another seed", () => {
    expect(watch(open(7), 5)).not.toEqual(watch(open(8), 5));
  });

  test("comes at the given rate, on average", () => {
    const seconds = 1_800;
    const perSecond = watch(open(1), seconds, 1_000).length / seconds;
    expect(perSecond).toBeGreaterThan(36);
    expect(perSecond).toBeLessThan(44);
  });

  test("is oldest first, stamped with the time at which it happened", () => {
    const times = watch(open(3), 30).map(({ time }) => time ?? Number.NaN);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((time) => Number.isInteger(time) && time >= START && time <= START + 30_000)).toBe(true);
  });
});

describe("a subscriber", () => {
  test("gets every symbol whole first, then only the fields that changed", () => {
    const updates = watch(open(5), 120);
    const first = updates.slice(0, SYMBOLS.length);
    expect(first.map(({ key }) => key)).toEqual(SYMBOLS.map(({ key }) => key));
    expect(first.every((update) => "set" in update)).toBe(true);
    const entries = new Map<string, StockFields>();
    for (const [index, update] of updates.entries()) {
      if (index >= SYMBOLS.length) {
        if (!("patch" in update)) expect.unreachable("only the first ones are whole");
        const before = entries.get(update.key) ?? {};
        const names = Object.keys(update.patch);
        if (names.length === 0 || names.some((name) => before[name] === update.patch[name]))
          expect(update).toBe(before);
      }
      applyTo(entries, update);
    }
  });

  test("gets every symbol whole again after a reset, as it is by then", () => {
    const market = open(5);
    const entries = new Map<string, StockFields>();
    for (const update of watch(market, 20)) applyTo(entries, update);
    market.reopen();
    const again = market.advance(START + 20_000);
    expect(again.map((update) => ("set" in update ? [update.key, update.set] : update))).toEqual([...entries]);
  });

  test("never sees an impossible market: crossed prices, a trade outside them, a falling volume", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1, 40, 2_000), (seed, rate) => {
        const entries = new Map<string, StockFields>();
        const impossible: StockFields[] = [];
        for (const update of watch(open(seed, rate), 2_000 / rate + 1, 50)) {
          const before = entries.get(update.key);
          applyTo(entries, update);
          const now = entries.get(update.key) ?? {};
          if (!isPossible(now) || (before && number(now, "volume") < number(before, "volume"))) impossible.push(now);
        }
        expect(impossible).toEqual([]);
      }),
      { numRuns: runs(8) },
    );
  });

  test("never gets an update that a server would refuse", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const updates = watch(open(seed), 20);
        const refused = updates.filter(({ key, time, ...change }) => {
          const [what = "", ...others] = Object.keys(change);
          const isChange = ["set", "patch"].includes(what) && others.length === 0;
          return !isChange || !/^[^\p{Cc}*,]{1,128}$/u.test(key) || !Number.isFinite(time);
        });
        expect(refused).toEqual([]);
        // NaN and Infinity would become null.
        expect(JSON.parse(JSON.stringify(updates))).toEqual(updates);
      }),
      { numRuns: runs(10) },
    );
  });

  test("sees prices in whole ticks, without the rounding errors of binary fractions", () => {
    for (const update of watch(open(11), 60)) {
      const fields: StockFields = "set" in update ? update.set : update.patch;
      const decimals = SYMBOLS.find(({ key }) => key === update.key)?.tick === 0.01 ? 2 : 4;
      for (const name of ["bid", "ask", "last", "change", "changePercent"]) {
        const text = String(fields[name] ?? 0);
        expect(text.split(".")[1]?.length ?? 0).toBeLessThanOrEqual(decimals);
      }
    }
  });
});

describe("a symbol", () => {
  test("has bursts and quiet spells, which a constant rate would not have", () => {
    const market = open(21, 80);
    const perSecond = Array.from({ length: 1_200 }, () => 0);
    for (const { key, time } of watch(market, 1_199)) {
      const second = Math.floor(((time ?? START) - START) / 1000);
      if (key === "NVDA") perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    const mean = perSecond.reduce((sum, count) => sum + count, 0) / perSecond.length;
    const variance = perSecond.reduce((sum, count) => sum + (count - mean) ** 2, 0) / perSecond.length;
    // For a Poisson process of one rate, the variance of the counts is their mean.
    expect(variance / mean).toBeGreaterThan(3);
    expect(Math.max(...perSecond)).toBeGreaterThan(4 * mean);
    const quietest = Math.min(...perSecond.slice(5).map((_, at) => sum(perSecond.slice(at, at + 5))));
    expect(quietest).toBeLessThan(mean);
  });

  test("changes more often the more active it is", () => {
    const counts = new Map<string, number>();
    for (const { key } of watch(open(2), 1_200)) counts.set(key, (counts.get(key) ?? 0) + 1);
    expect(counts.get("NVDA")).toBeGreaterThan(20 * (counts.get("NVR") ?? 0));
  });

  test("stays near its open even when the demo runs for weeks", () => {
    const market = open(4, 0.2);
    const entries = new Map<string, StockFields>();
    for (let at = START; at < START + 21 * 86_400_000; at += 20_000) {
      for (const update of market.advance(at)) applyTo(entries, update);
    }
    for (const fields of entries.values()) {
      const ratio = number(fields, "last") / number(fields, "open");
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    }
  });
});

describe("a clock that jumps", () => {
  test("ahead, as after a laptop's sleep, brings updates of a few seconds, not of hours", () => {
    const market = open(9);
    market.advance(START);
    const updates = market.advance(START + 8 * 3_600_000);
    expect(updates.length).toBeGreaterThan(0);
    expect(updates.length).toBeLessThan(40 * 5 * 4);
    expect(updates.every(({ time }) => (time ?? 0) > START + 7 * 3_600_000)).toBe(true);
  });

  test("back does not silence the market", () => {
    const market = open(9);
    watch(market, 10);
    expect(market.advance(START - 3_600_000)).toEqual([]);
    expect(market.advance(START - 3_600_000 + 2_000).length).toBeGreaterThan(0);
  });
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
