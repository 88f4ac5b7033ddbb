import { describe, expect, it } from "vitest";
import { indexAfterKey, scrollTo, spanOf } from "../../src/dashboard/model/viewport.ts";

describe("the rows in view", () => {
  it("are few, however long the list is", () => {
    const { start, end } = spanOf(15_000, 600, 30, 100_000);
    expect([start, end]).toEqual([494, 526]);
  });

  it("end where the list ends", () => {
    expect(spanOf(0, 600, 30, 5)).toEqual({ start: 0, end: 5 });
    expect(spanOf(0, 600, 30, 0)).toEqual({ start: 0, end: 0 });
    // The reader scrolled down, and then filtered most rows away.
    const { start, end } = spanOf(30_000, 600, 30, 3);
    expect(end).toBeGreaterThanOrEqual(start);
    expect(end).toBeLessThanOrEqual(3);
  });

  it("follow the active row no further than needed", () => {
    expect(scrollTo(5, 0, 300, 30)).toBe(0);
    expect(scrollTo(10, 0, 300, 30)).toBe(30);
    expect(scrollTo(2, 90, 300, 30)).toBe(60);
  });
});

describe("keys", () => {
  it.each([
    ["ArrowDown", -1, 0],
    ["ArrowDown", 3, 4],
    ["ArrowDown", 99, 99],
    ["ArrowUp", 0, 0],
    ["ArrowUp", -1, 0],
    ["PageDown", 0, 9],
    ["PageUp", 50, 41],
    ["Home", 50, 0],
    ["End", 0, 99],
  ])("%s leads from %i to %i", (key, from, to) => {
    expect(indexAfterKey(key, from, 100, 10)).toBe(to);
  });

  it("lead nowhere if they have another meaning, or if there are no rows", () => {
    expect(indexAfterKey("a", 0, 100, 10)).toBeUndefined();
    expect(indexAfterKey("ArrowDown", -1, 0, 10)).toBeUndefined();
  });
});
