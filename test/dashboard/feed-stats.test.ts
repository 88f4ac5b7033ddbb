import { expect, it } from "vitest";
import { readStats } from "../../src/dashboard/model/stats.ts";

it("says what a feed's object is doing, with units, and whatever else the server tells", () => {
  const now = 1_732_096_000_000;
  const stats = {
    feed: "stocks",
    epoch: "k3v9x2",
    seq: 5,
    keys: 41,
    subscribers: 2,
    lagging: 1,
    time: now - 4000,
    storage: 1_572_864,
    started: now - 7_200_000,
    journalRows: 1234,
    constructor: "x",
    groups: { a: 1 },
  };
  expect(readStats(stats, now)).toEqual([
    ["subscribers that lag", "1"],
    ["last update", "4 s ago"],
    ["stored", "1.5 MiB"],
    ["in memory for", "2 h"],
    ["journal rows", "1,234"],
    ["constructor", "x"],
  ]);
  expect(readStats(null, now)).toEqual([]);
});
