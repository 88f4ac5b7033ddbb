import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { fit, widthOf } from "../../src/cli/text-width.ts";
import { Table } from "../../src/cli/watch-table.ts";

const HEAD = "stocks  live  2 entries";

test("a row for each key in their order, a column for each field, numbers to the right", () => {
  const table = new Table(false);
  table.note("MSFT", { name: "Microsoft", last: 430.5 }, undefined, 0);
  table.note("AAPL", { name: "Apple", last: 191.25 }, undefined, 0);
  expect(table.draw(HEAD, 40, 10, 0).map((line) => line.trimEnd())).toEqual([
    HEAD,
    "       name          last",
    "AAPL   Apple       191.25",
    "MSFT   Microsoft   430.50",
  ]);
});

test("a change is marked for a while, with a sign and not by colour alone", () => {
  const table = new Table(true);
  table.note("AAPL", { last: 1, bid: 1 }, undefined, 0);
  table.note("AAPL", { last: 2, bid: 1 }, { last: 1, bid: 1 }, 100);
  const [, , row = ""] = table.draw(HEAD, 40, 10, 200);
  expect(stripVTControlCharacters(row)).toMatch(/^AAPL {2}▲ {3}2 {3,} 1$/);
  expect(row).not.toBe(stripVTControlCharacters(row));
  expect(table.isMarked(200)).toBe(true);
  expect(table.isMarked(2_000)).toBe(false);
  expect(table.draw(HEAD, 40, 10, 2_000)[2]).not.toContain("▲");
});

test("no line is wider, and no picture higher, than the terminal; what is left out is counted", () => {
  const table = new Table(false);
  for (let i = 0; i < 50; i++) table.note(`key-${i}`, { text: "x".repeat(90), 価格: i, b: i }, undefined, 0);
  const lines = table.draw("h".repeat(100), 30, 8, 0);
  expect(lines).toHaveLength(8);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(30);
  expect(lines.at(-1)).toContain("and 45 more");
});

test("an entry that is deleted has no row", () => {
  const table = new Table(false);
  table.note("A", { n: 1 }, undefined, 0);
  table.note("A", undefined, { n: 1 }, 0);
  expect(table.draw(HEAD, 40, 10, 0)).toHaveLength(2);
});

test("nothing that a publisher writes reaches the terminal as a command", () => {
  const table = new Table(false);
  table.note("A", { "na\u001b[31mme": "\u001b]0;title\u0007\u202etxt" }, undefined, 0);
  // oxlint-disable-next-line no-control-regex
  expect(table.draw(HEAD, 60, 10, 0).join("\n")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

test.each([
  ["price", 8, "price   "],
  ["価格", 6, "価格  "],
  ["価格表", 4, "価… "],
  ["price", 3, "pr…"],
  ["price", 0, ""],
])("%j at the width %i is %j", (text, width, fitted) => {
  expect(fit(text, width)).toBe(fitted);
});
