import { describe, expect, it } from "vitest";
import type { FeedStatus } from "../../src/client/types.ts";
import { stateDetail, statsText, staleness } from "../../src/dashboard/model/status-words.ts";

function status(state: FeedStatus["state"], more: Partial<FeedStatus> = {}): FeedStatus {
  return { state, reason: "", since: 0, retryAt: undefined, code: undefined, silentSince: undefined, ...more };
}

describe("the connection in words", () => {
  it("has no detail while the feed is live", () => {
    expect(stateDetail(status("live", { reason: "up to date" }), 0)).toBe("");
  });

  it("says why it is not live, and when the next attempt comes", () => {
    const lost = status("recovering", { reason: "the server restarts (1012)", retryAt: 4500 });
    expect(stateDetail(lost, 1000)).toBe("the server restarts (1012) · next try in 4 s");
    expect(stateDetail(lost, 4499)).toContain("next try in 1 s");
    expect(stateDetail(status("stale", { reason: "no answer" }), 0)).toBe("no answer · trying now");
    expect(stateDetail(status("offline"), 0)).toBe("goes on when the network is back");
    expect(stateDetail(status("closed", { reason: "not allowed (4403)" }), 0)).toBe("not allowed (4403)");
  });

  it("says how old the data is when it is not live", () => {
    expect(staleness("live", 0, 60_000)).toBeUndefined();
    expect(staleness("connecting", undefined, 60_000)).toBeUndefined();
    expect(staleness("stale", 1000, 61_000)).toBe("1 min");
  });
});

it("shows the figures of a feed's object with units, and figures that it does not know too", () => {
  const now = 1_732_096_000_000;
  const stats = {
    feed: "stocks",
    epoch: "k3v9x2",
    seq: 5,
    keys: 41,
    subscribers: 2,
    replicas: [],
    lagging: 1,
    time: now - 4000,
    storage: 1_572_864,
    started: now - 7_200_000,
    journalRows: 1234,
    constructor: "x",
    groups: { a: 1 },
  };
  expect(statsText(stats, now)).toEqual([
    ["subscribers that lag", "1"],
    ["last update", "4 s ago"],
    ["stored", "1.5 MiB"],
    ["in memory for", "2 h"],
    ["journal rows", "1,234"],
    ["constructor", "x"],
  ]);
});

it("shows where a feed's replicas are, how far they are behind, and which do not answer", () => {
  const replica = { subscribers: 1, lagging: 0, seq: 100 };
  const stats = {
    feed: "stocks",
    epoch: "k3v9x2",
    seq: 1_100,
    keys: 1,
    subscribers: 3,
    lagging: 0,
    replicas: [
      { ...replica, name: "stocks/weur/0", region: "weur", seq: 1_100 },
      { ...replica, name: "stocks/weur/1", region: "weur", seq: 1_098 },
      { ...replica, name: "stocks/enam/0", region: "enam", unreachableSince: 1_732_096_000_000 },
    ],
    time: 0,
    storage: 0,
    started: 0,
  };
  expect(statsText(stats, 1_732_096_000_000).slice(-3)).toEqual([
    ["replicas", "2 in weur, 1 in enam"],
    ["the slowest replica is behind by", "1,000 updates"],
    ["replicas that do not answer", "1"],
  ]);
});
