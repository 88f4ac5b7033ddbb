import { describe, expect, it } from "vitest";
import type { Column } from "../../src/dashboard/model/columns.ts";
import { nextSort, Rows } from "../../src/dashboard/model/rows.ts";

const price: Column = {
  id: "price",
  path: ["price"],
  label: "price",
  numeric: true,
  isTime: false,
  decimals: 2,
  width: 6,
};
const name: Column = { ...price, id: "name", path: ["name"], label: "name", numeric: false };

function rowsOf(entries: Record<string, { price?: number | string | null; name?: string }>, now = 0): Rows {
  const rows = new Rows();
  for (const [key, value] of Object.entries(entries)) rows.put(key, value, undefined);
  rows.refresh(now);
  return rows;
}
const shown = ({ order }: Rows): string => order.map(({ key }) => key).join(" ");

describe("the order of rows", () => {
  it("is at first by key, also for rows that come and go", () => {
    const rows = rowsOf({ B: {}, A: {}, D: {} });
    expect(shown(rows)).toBe("A B D");
    rows.put("C", {}, 1);
    rows.remove("A");
    rows.refresh(1);
    expect(shown(rows)).toBe("B C D");
    rows.remove("C");
    rows.refresh(2);
    expect(shown(rows)).toBe("B D");
  });

  it("by a field has numbers before text, absent values last, and equal values by key, in both directions", () => {
    const rows = rowsOf({
      E: {},
      0: { price: "open" },
      C: { price: 2 },
      B: { price: 10 },
      A: { price: 2 },
      F: { price: null },
    });
    rows.sortBy({ by: price, descending: false });
    rows.refresh(0);
    expect(shown(rows)).toBe("A C B 0 E F");
    rows.sortBy({ by: price, descending: true });
    rows.refresh(0);
    expect(shown(rows)).toBe("B A C 0 E F");
  });

  it("compares exact decimals, which are text, as numbers", () => {
    const rows = rowsOf({ A: { price: "9.5" }, B: { price: "10.5" } });
    rows.sortBy({ by: price, descending: true });
    rows.refresh(0);
    expect(shown(rows)).toBe("B A");
  });

  it("stays the same for a second while live values change", () => {
    const rows = rowsOf({ A: { price: 1 }, B: { price: 2 } });
    rows.sortBy({ by: price, descending: false });
    rows.refresh(0);
    rows.put("A", { price: 3 }, 10);
    expect(rows.refresh(10)).toBe(false);
    expect(shown(rows)).toBe("A B");
    expect(rows.dueIn(10)).toBe(990);
    rows.refresh(1000);
    expect(shown(rows)).toBe("B A");
    expect(rows.dueIn(1000)).toBeUndefined();
  });

  it("changes at once when the reader asks for another one", () => {
    const rows = rowsOf({ A: { price: 2 }, B: { price: 1 } }, 100);
    rows.sortBy({ by: price, descending: false });
    expect(rows.refresh(101)).toBe(true);
    expect(shown(rows)).toBe("B A");
  });

  it("takes at most a twentieth of the time, however long sorting takes", () => {
    let time = 0;
    const rows = new Rows(() => (time += 50));
    rows.put("A", {}, undefined);
    rows.refresh(0);
    rows.put("B", {}, 1);
    expect(rows.refresh(500)).toBe(false);
    expect(rows.refresh(1000)).toBe(true);
    expect(shown(rows)).toBe("A B");
    // When the reader asks, there is no wait.
    rows.sortBy({ by: "key", descending: true });
    expect(rows.refresh(1001)).toBe(true);
    expect(shown(rows)).toBe("B A");
  });

  it("by time of change has rows that never changed last", () => {
    const rows = rowsOf({ A: {}, B: {}, C: {} });
    rows.put("B", {}, 5);
    rows.put("C", {}, 7);
    rows.sortBy({ by: "changed", descending: true });
    rows.refresh(10);
    expect(shown(rows)).toBe("C B A");
  });
});

describe("the filter", () => {
  it("finds words in keys and text fields, in any case", () => {
    const rows = rowsOf({ AAPL: { name: "Apple" }, MSFT: { name: "Microsoft" }, PAPL: { name: "Pear", price: 5 } });
    const found = (text: string): string => {
      rows.filter(text);
      rows.refresh(0);
      return shown(rows);
    };
    expect(found("apl")).toBe("AAPL PAPL");
    expect(found("apl PEAR")).toBe("PAPL");
    expect(found("  ")).toBe("AAPL MSFT PAPL");
    expect(found("nothing")).toBe("");
  });

  it("lets a row in and out as its text changes", () => {
    const rows = rowsOf({ A: { name: "open" } });
    rows.filter("halted");
    rows.refresh(0);
    rows.put("A", { name: "halted" }, 1);
    rows.refresh(1);
    expect(shown(rows)).toBe("A");
    rows.put("A", { name: "open" }, 2);
    rows.refresh(2);
    expect(shown(rows)).toBe("");
    expect(rows.size).toBe(1);
  });
});

describe("a click on a header", () => {
  it("shows the largest numbers and the first names first, then the other way, then by key again", () => {
    const byKey = { by: "key", descending: false } as const;
    const first = nextSort(byKey, price);
    expect(first).toEqual({ by: price, descending: true });
    expect(nextSort(first, price)).toEqual({ by: price, descending: false });
    expect(nextSort({ by: price, descending: false }, price)).toEqual(byKey);
    expect(nextSort(first, name)).toEqual({ by: name, descending: false });
    expect(nextSort(byKey, "key")).toEqual({ by: "key", descending: true });
  });
});
