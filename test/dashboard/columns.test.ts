import { describe, expect, it } from "vitest";
import { Columns, fieldAt, textOf } from "../../src/dashboard/model/columns.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

function columnsOf(...values: JsonObject[]): Columns {
  const columns = new Columns();
  for (const value of values) columns.discover(value);
  return columns;
}
const labels = ({ list }: Columns): string[] => list.map(({ label }) => label);

describe("columns", () => {
  it("are the fields that entries have, those of nested objects with dots", () => {
    const columns = columnsOf({ price: 1, book: { bid: { price: 2 }, ask: 3 } }, { halted: true });
    expect(labels(columns)).toEqual(["price", "book.bid.price", "book.ask", "halted"]);
    expect(columns.list.map((column) => fieldAt({ price: 1, book: { bid: { price: 2 } } }, column.path))).toEqual([
      1,
      2,
      undefined,
      undefined,
    ]);
  });

  it("show large and deep objects, and lists, in one cell", () => {
    const wide = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`m${i}`, i]));
    expect(labels(columnsOf({ wide, list: [1], deep: { a: { b: { c: 1 } } }, none: {} }))).toEqual([
      "wide",
      "list",
      "deep.a.b",
      "none",
    ]);
  });

  it("are at most 64, and tell when there are more fields", () => {
    const columns = columnsOf(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, i])));
    expect(columns.list).toHaveLength(64);
    expect(columns.clipped).toBe(true);
    expect(columnsOf({ a: 1 }).clipped).toBe(false);
  });

  it("tell which members of the values they need, if there are others, and if the server takes these names", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, i]));
    expect(columnsOf({ a: 1 }).members).toBeUndefined();
    const members = columnsOf({ nested: { a: 1, b: 2 } }, many).members;
    expect(members).toEqual(["nested", ...Array.from({ length: 62 }, (_, i) => `f${i}`)]);
    expect(columnsOf({ "a,b": 1 }, many).members).toBeUndefined();
  });

  it("have the most decimals seen so far, and never fewer", () => {
    const columns = columnsOf({ price: 191 }, { price: 191.25 }, { price: 1 });
    expect(columns.list[0]).toMatchObject({ numeric: true, decimals: 2, width: 6 });
  });

  it("change their revision only if they are shown in another way", () => {
    const columns = columnsOf({ price: 191.25 });
    const { revision } = columns;
    columns.discover({ price: 180.5 });
    expect(columns.revision).toBe(revision);
    columns.discover({ price: 0.125 });
    expect(columns.revision).toBeGreaterThan(revision);
  });

  it("show numbers as times if both name and size say so", () => {
    const moment = new Date(2026, 10, 20, 14, 3, 9).getTime();
    const columns = columnsOf({ updatedAt: moment, volume: moment, price: 5, time: 12 });
    expect(columns.list.map(({ isTime }) => isTime)).toEqual([true, false, false, false]);
    const [updatedAt, volume] = columns.list;
    expect(updatedAt && textOf(moment, updatedAt)).toBe("2026-11-20 14:03:09");
    expect(volume && textOf(moment, volume)).toBe(moment.toLocaleString("en"));
    expect(columns.main.column?.label).toBe("price");
  });

  it("take names such as __proto__ as data", () => {
    const value: JsonObject = JSON.parse('{"__proto__":{"x":1},"constructor":2}');
    const columns = columnsOf(value);
    expect(labels(columns)).toEqual(["__proto__.x", "constructor"]);
    expect(columns.list.map(({ path }) => fieldAt(value, path))).toEqual([1, 2]);
    expect(fieldAt({}, ["toString"])).toBeUndefined();
  });

  it("have different ids if a dot in a name makes their labels equal", () => {
    const columns = columnsOf({ "a.b": 1, a: { b: 2 } });
    expect(new Set(columns.list.map(({ id }) => id)).size).toBe(2);
    expect(columns.list.map(({ path }) => fieldAt({ "a.b": 1, a: { b: 2 } }, path))).toEqual([1, 2]);
  });
});

describe("the main field", () => {
  it("is chosen by its name", () => {
    expect(columnsOf({ bid: 1, last: 2 }).main.column?.label).toBe("last");
  });

  it("is otherwise the first that goes up and down, not a counter", () => {
    const { main } = columnsOf({ total: 1, level: 5 });
    expect(main.column?.label).toBe("total");
    main.observe({ total: 1, level: 5 }, { total: 2, level: 6 });
    main.observe({ total: 2, level: 6 }, { total: 3, level: 4 });
    expect(main.column?.label).toBe("level");
  });

  it("is undefined if no field is a number", () => {
    expect(columnsOf({ name: "x" }).main.column).toBeUndefined();
  });
});
