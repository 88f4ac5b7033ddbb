import { describe, expect, it } from "vitest";
import { linePoints, Trends, UpdateRate } from "../../src/dashboard/model/recent-values.ts";

describe("a key's trend", () => {
  it("has one point a second, with its last value, and at most 60 points", () => {
    const trends = new Trends();
    for (let time = 0; time < 100_000; time += 100) trends.add("A", time, time);
    const values = trends.get("A") ?? [];
    expect(values).toHaveLength(60);
    expect(values.at(-1)).toBe(99_900);
  });

  it("is kept for the keys that changed last", () => {
    const trends = new Trends();
    for (let i = 0; i <= 10_000; i++) trends.add(`K${i}`, i, 0);
    expect(trends.get("K0")).toBeUndefined();
    expect(trends.get("K1")).toBeDefined();
  });
});

describe("a line of values", () => {
  it("has the lowest value at the bottom and the highest at the top", () => {
    const points = linePoints(
      Array.from({ length: 21 }, (_, i) => i),
      40,
      12,
    ).split(" ");
    expect([points[0], points.at(-1)]).toEqual(["0.0,11.0", "40.0,1.0"]);
  });

  it("ends at the right while there are few values, and is in the middle if they are equal", () => {
    expect(linePoints([5, 5], 40, 12)).toBe("38.0,6.0 40.0,6.0");
    expect(linePoints([0, 0], 40, 12, 0)).toBe("38.0,11.0 40.0,11.0");
    expect(linePoints([5], 40, 12)).toBe("");
  });
});

describe("updates a second", () => {
  it("are averaged over the last whole seconds", () => {
    const rate = new UpdateRate(60, 0);
    rate.add(10, 100);
    rate.add(10, 900);
    expect(rate.over(5, 1000)).toBe(20);
    // The present second is not over, so it does not count.
    rate.add(1, 1500);
    expect(rate.over(5, 1900)).toBe(20);
    expect(rate.over(5, 4000)).toBe(21 / 4);
    expect(rate.over(5, 9000)).toBe(0);
  });

  it("are kept for the last minute, also after a long pause", () => {
    const rate = new UpdateRate(60, 0);
    rate.add(3, 1000);
    rate.add(4, 2000);
    expect(rate.past(3, 3000)).toEqual([0, 3, 4]);
    expect(rate.past(60, 600_000)).toEqual(Array.from({ length: 60 }, () => 0));
  });
});
