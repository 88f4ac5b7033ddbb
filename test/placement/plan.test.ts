import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextPlan, NO_PLAN, placesOf, type FeedLoad, type PlanState } from "../../src/placement/plan.ts";
import { REGIONS } from "../../src/placement/regions.ts";
import { runs } from "../support/runs.ts";
import { MINUTE, POLICY } from "./policy.ts";

describe("how many subscribers an object serves", () => {
  test.each([
    [0, 10_000],
    [1, 10_000],
    [2.6, 10_000],
    [5, 5_200],
    [20, 1_300],
    [500, 1_212],
  ])("at %d updates a second: %d", (rate, places) => {
    expect(placesOf(POLICY, rate)).toBe(places);
  });

  test("never none, whatever the window", () => {
    expect(placesOf({ ...POLICY, window: 0 }, 1_000_000)).toBe(1);
  });
});

const load = (onLeader: number, regions: FeedLoad["regions"] = {}, rate = 1): FeedLoad => ({ onLeader, regions, rate });
const after = (state: PlanState, of: FeedLoad, now = 0): PlanState => nextPlan(state, of, POLICY, now);

const many = (weur: number, apac: number): FeedLoad =>
  load(0, { weur: { subscribers: weur, arrived: 0 }, apac: { subscribers: apac, arrived: 0 } });

describe("the plan", () => {
  test("a small feed has no replica", () => {
    expect(after(NO_PLAN, load(8_000, { weur: { subscribers: 0, arrived: 0 } })).plan).toEqual({});
  });

  test("[REP10] replicas come before the leader is full, where the subscribers come from", () => {
    const regions = { weur: { subscribers: 0, arrived: 900 }, enam: { subscribers: 0, arrived: 100 } };
    expect(after(NO_PLAN, load(7_500, regions)).plan).toEqual({ weur: 1, enam: 1 });
  });

  test("a region of few is served by a neighbour", () => {
    const regions = { weur: { subscribers: 0, arrived: 990 }, afr: { subscribers: 0, arrived: 10 } };
    expect(after(NO_PLAN, load(9_000, regions)).plan).toEqual({ weur: 1 });
  });

  test("by work as well as by places: the more often it changes, the fewer each object serves", () => {
    const regions = { weur: { subscribers: 8_000, arrived: 0 } };
    expect(after(NO_PLAN, load(8_000, regions)).plan).toEqual({ weur: 1 });
    expect(after(NO_PLAN, load(8_000, regions, 20)).plan).toEqual({ weur: 8 });
  });

  test("those who are on their way count", () => {
    const regions = { weur: { subscribers: 8_000, arrived: 80_000 } };
    expect(after(NO_PLAN, load(8_000, regions)).plan).toEqual({ weur: 11 });
  });

  test("[REP10] shrinks by one at a time, slowly", () => {
    const grown = after(NO_PLAN, load(8_000, { weur: { subscribers: 30_000, arrived: 0 } }));
    expect(grown.plan).toEqual({ weur: 4 });
    const quiet = load(0, { weur: { subscribers: 100, arrived: 0 } });
    let state = grown;
    const counts: (number | undefined)[] = [];
    for (let minute = 0; minute <= 50; minute += 5)
      counts.push((state = after(state, quiet, minute * MINUTE)).plan.weur);
    expect(counts).toEqual([4, 4, 3, 3, 2, 2, 1, 1, undefined, undefined, undefined]);
  });

  test("does not shrink if the quiet time ends in between", () => {
    let state = after(NO_PLAN, load(8_000, { weur: { subscribers: 30_000, arrived: 0 } }));
    for (let minute = 0; minute < 60; minute += 5) {
      const subscribers = minute % 10 === 0 ? 100 : 30_000;
      state = after(state, load(0, { weur: { subscribers, arrived: 0 } }), minute * MINUTE);
    }
    expect(state.plan).toEqual({ weur: 4 });
  });

  test("never has more replicas than the leader can feed, and each region keeps one", () => {
    const regions = { weur: { subscribers: 3_000_000, arrived: 0 }, sam: { subscribers: 200_000, arrived: 0 } };
    const { plan } = after(NO_PLAN, load(8_000, regions));
    expect(plan.sam).toBeGreaterThanOrEqual(1);
    expect((plan.weur ?? 0) + (plan.sam ?? 0)).toBeLessThanOrEqual(POLICY.most);
  });

  test("[REP10] where there are as many as there may be, none is taken away at once for another region", () => {
    const full = after(NO_PLAN, many(1_500_000, 500_000));
    expect(full.plan).toEqual({ weur: 96, apac: 32 });
    const next = after(full, many(1_000_000, 1_000_000), 1);
    expect(next.plan).toEqual(full.plan);
    const later = after(next, many(1_000_000, 1_000_000), 10 * MINUTE + 1);
    expect(later.plan).toEqual({ weur: 95, apac: 32 });
    expect(after(later, many(1_000_000, 1_000_000), 10 * MINUTE + 2).plan).toEqual({ weur: 95, apac: 33 });
  });

  test("all that there may be are used, and a region that has none gets its first in any case", () => {
    const regions = { weur: 700_000, enam: 600_000, apac: 500_000 };
    const loads = Object.fromEntries(
      Object.entries(regions).map(([region, subscribers]) => [region, { subscribers, arrived: 0 }]),
    );
    const full = after(NO_PLAN, load(0, loads));
    expect(Object.values(full.plan).reduce((sum, count) => sum + count, 0)).toBe(POLICY.most);
    expect(after(full, load(0, { ...loads, oc: { subscribers: 0, arrived: 200_000 } })).plan).toEqual({
      ...full.plan,
      oc: 1,
    });
  });

  test("settles: the same load twice gives the same plan, and what it gives is enough", () => {
    const count = fc.nat({ max: 50_000 });
    const regions = fc.dictionary(
      fc.constantFrom(...REGIONS),
      fc.record({ subscribers: count, arrived: count }),
    ) as fc.Arbitrary<FeedLoad["regions"]>;
    fc.assert(
      fc.property(fc.record({ onLeader: count, rate: fc.constantFrom(0, 1, 3), regions }), (of) => {
        const first = after(NO_PLAN, of);
        expect(after(first, of, 1).plan).toEqual(first.plan);
        for (const [region, { subscribers, arrived }] of Object.entries(of.regions ?? {})) {
          const replicas = first.plan[region as keyof typeof first.plan] ?? 0;
          if (replicas > 0) expect(replicas * placesOf(POLICY, of.rate)).toBeGreaterThanOrEqual(subscribers + arrived);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});
