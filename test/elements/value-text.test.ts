import { expect, test } from "vitest";
import { createFormat, directionOf } from "../../src/elements/value-text.ts";
import type { Json } from "../../src/protocol/json.ts";

const english = (value: Json, format?: string, digits?: string): string =>
  createFormat(format ?? null, digits ?? null, "en")(value);

test("without a format, a number is shown as exactly as it is known, and anything else as it is", () => {
  const numbers = [0, -0.5, 191.2, 1234567.891, 9007199254740991, 0.1 + 0.2, 0.000001, 1.5e-9, 1.5e-30];
  expect(numbers.map((value) => english(value))).toEqual([
    "0",
    "-0.5",
    "191.2",
    "1,234,567.891",
    "9,007,199,254,740,991",
    "0.3",
    "0.000001",
    "1.5e-9",
    "1.5e-30",
  ]);
  expect(["00123", "", true, null, [1], { a: 1 }].map((value) => english(value))).toEqual([
    "00123",
    "",
    "true",
    "–",
    "[1]",
    '{"a":1}',
  ]);
  expect(english("x".repeat(60_000))).toHaveLength(201);
});

test("`digits` rounds, and `format` names a kind of number", () => {
  expect(english(191.256, undefined, "2")).toBe("191.26");
  expect(english(191, undefined, "2")).toBe("191.00");
  expect(english(0.0123, "percent")).toBe("1.23%");
  expect(english(1234.5, "USD")).toBe("$1,234.50");
  expect(english(1234.5, "USD", "0")).toBe("$1,235");
  expect(english(1_234_567, "compact")).toBe("1.2M");
  expect(english(1234.5, "text")).toBe("1234.5");
  expect(createFormat(null, "1", "de")(1234.5)).toBe("1.234,5");
});

test("a decimal that is sent as a string stays exact, if a format says that it is a number", () => {
  expect(english("12345678901234567890.12", "USD")).toBe("$12,345,678,901,234,567,890.12");
  expect(english("191.2", undefined, "2")).toBe("191.20");
  expect(english("closed", "USD")).toBe("closed");
});

test.each([
  ["percnt", "2"],
  ["", "many"],
  ["", "-1"],
  ["", "101"],
])("a wrong format is told: %j with %j digits", (format, digits) => {
  expect(() => createFormat(format, digits, "en")).toThrow(RangeError);
});

test("up and down are for numbers, also for those in strings", () => {
  expect(directionOf(1, 2)).toBe("up");
  expect(directionOf("10", "9.5")).toBe("down");
  expect([directionOf(1, 1), directionOf("a", "b"), directionOf(null, 1), directionOf(undefined, 1)]).toEqual(
    Array.from({ length: 4 }, () => "same"),
  );
});
