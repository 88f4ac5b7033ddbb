// @ts-check
import { expect, it } from "vitest";
import { choiceOf, isFeedName, publishExample, socketAddress } from "../../public/address.js";
import { decimalsOf, directionOf, formatValue } from "../../public/format.js";
import { indexIn } from "../../public/order.js";
import { Rate } from "../../public/rate.js";

it.each([
  [191.2, 2, "191.20"],
  [2024, 0, "2024"],
  [1200300, 0, "1,200,300"],
  [0.1 + 0.2, 1, "0.3"],
  [1e-12, 2, "1e-12"],
  [1e300, 2, "1e+300"],
  ["191.2000", 1, "191.2000"],
  [null, 0, "\u2013"],
  [undefined, 0, ""],
  [true, 0, "true"],
  [[1, { a: 2 }], 0, '[1,{"a":2}]'],
])("shows %j with %i decimals as %j", (value, decimals, text) => {
  expect(formatValue(value, decimals)).toBe(text);
});

it("counts decimals without the noise of binary fractions", () => {
  expect([191.25, 3, 0.1 + 0.2, 1e-12, "1.25", 1 / 3].map(decimalsOf)).toEqual([2, 0, 1, 0, 0, 8]);
});

it("tells up from down, for exact decimals too", () => {
  expect(directionOf(1, 2)).toBe("up");
  expect(directionOf("10.5", "9.5")).toBe("down");
  expect(directionOf("open", "halted")).toBe("change");
  expect(directionOf(undefined, 2)).toBe("change");
});

it("averages a rate over the last whole seconds", () => {
  const rate = new Rate(0);
  rate.add(10, 100);
  rate.add(10, 900);
  expect(rate.at(1000)).toBe(20);
  expect(rate.at(4000)).toBe(5);
  expect(rate.at(9000)).toBe(0);
});

it("finds where a key belongs", () => {
  expect(["A", "B", "C", "D"].map((key) => indexIn(["B", "C"], key))).toEqual([0, 0, 1, 2]);
});

it("addresses the feed, the selection and the position", () => {
  const page = new URL("https://feed.test/?feed=fx&keys=EUR,tech.*");
  const choice = choiceOf(page.search);
  expect(choice).toEqual({ feed: "fx", keys: "EUR,tech.*" });
  expect(choiceOf("")).toEqual({ feed: "stocks", keys: null });
  const address = new URL(socketAddress(page, choice, { epoch: "e", seq: 5 }));
  expect(address.origin + address.pathname).toBe("wss://feed.test/v1/feeds/fx");
  expect(Object.fromEntries(address.searchParams)).toEqual({ keys: "EUR,tech.*", since: "e:5" });
  expect(publishExample(page, "fx")).toContain("https://feed.test/v1/feeds/fx");
});

it.each(["x';rm -rf ~;'", "../stats", "A", "", "-a", "a".repeat(65)])("takes %j for no feed's name", (name) => {
  expect(isFeedName(name)).toBe(false);
});
