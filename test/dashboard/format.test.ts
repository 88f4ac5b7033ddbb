import { describe, expect, it } from "vitest";
import { compactJson, decimalsOf, directionOf, formatAge, formatValue } from "../../src/dashboard/model/format.ts";

describe("values as text", () => {
  it.each([
    [191.2, 2, "191.20"],
    [2024, 0, "2024"],
    [1_200_300, 0, "1,200,300"],
    [0.1 + 0.2, 1, "0.3"],
    [1e-12, 2, "1e-12"],
    [1e300, 2, "1e+300"],
    ["191.2000", 1, "191.2000"],
    [null, 0, "–"],
    [undefined, 0, ""],
    [true, 0, "true"],
    [[1, { a: 2 }], 0, '[1,{"a":2}]'],
  ])("shows %j with %i decimals as %j", (value, decimals, text) => {
    expect(formatValue(value, decimals)).toBe(text);
  });

  it("counts decimals without the rounding errors of binary fractions", () => {
    expect([191.25, 3, 0.1 + 0.2, 1e-12, "1.25", 1 / 3].map(decimalsOf)).toEqual([2, 0, 1, 0, 0, 8]);
  });

  it("tells up from down, for exact decimals too", () => {
    expect(directionOf(1, 2)).toBe("up");
    expect(directionOf("10.5", "9.5")).toBe("down");
    expect(directionOf("open", "halted")).toBe("change");
    expect(directionOf(undefined, 2)).toBe("change");
  });

  it("shows ages in their largest unit", () => {
    expect([0, 999, 1000, 59_999, 60_000, 3_599_999, 3_600_000, 90_000_000].map(formatAge)).toEqual([
      "now",
      "now",
      "1 s",
      "59 s",
      "1 min",
      "59 min",
      "1 h",
      "1 d",
    ]);
  });

  it("cuts long text, and long JSON as it would be written", () => {
    expect(formatValue("x".repeat(300), 0)).toBe(`${"x".repeat(200)}…`);
    for (const value of [{ a: [1, "b", null, { c: true }], '"': {} }, [], "text", 1.5]) {
      expect(compactJson(value, 1000)).toBe(JSON.stringify(value));
    }
    const long = { list: Array.from({ length: 10_000 }, (_, i) => i) };
    expect(compactJson(long, 20)).toBe(`${JSON.stringify(long).slice(0, 20)}…`);
  });
});
