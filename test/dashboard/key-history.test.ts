import { describe, expect, it } from "vitest";
import type { HistoryAnswer } from "../../src/protocol/answers.ts";
import { KeyHistory, replay, timeAfter } from "../../src/dashboard/model/key-history.ts";

const page: Pick<HistoryAnswer, "updates" | "more"> = {
  updates: [
    { seq: 1, time: 1000, patch: { size: 5 } },
    { seq: 2, time: 2000, set: { price: 1, size: 5 } },
    { seq: 4, time: 3000, patch: { size: 6 } },
    { seq: 7, time: 3000, patch: { price: 2 } },
    { seq: 8, time: 4000, delete: true },
    { seq: 9, time: 5000, patch: { price: 3 } },
  ],
  more: true,
};

describe("history", () => {
  it("is replayed: sets, patches and deletions", () => {
    const { values, before } = replay(page);
    expect(values.map(({ value }) => value)).toEqual([
      { size: 5 },
      { price: 1, size: 5 },
      { price: 1, size: 6 },
      { price: 2, size: 6 },
      undefined,
      { price: 3 },
    ]);
    expect(before).toBe(1);
    expect(replay({ ...page, more: false }).before).toBeUndefined();
  });
});

describe("the points of a chart", () => {
  it("are the changes of one number, at times that strictly increase", () => {
    const history = new KeyHistory();
    history.load(replay(page).values, 0);
    expect(history.points(["price"])).toEqual([
      { time: 2000, value: 1 },
      { time: 3000, value: 2 },
      { time: 5000, value: 3 },
    ]);
    expect(history.points(["size"]).map(({ value }) => value)).toEqual([5, 6]);
    expect(timeAfter(5000, 5000)).toBe(5001);
  });

  it("go on live without a gap or a repetition where history and live updates overlap", () => {
    const history = new KeyHistory();
    history.add(9, 5100, { price: 3 });
    const known = history.values.length;
    history.add(9, 5100, { price: 3 });
    history.add(10, 5200, { price: 4 });
    history.load(replay(page).values, known);
    expect(history.values.map(({ seq }) => seq)).toEqual([1, 2, 4, 7, 8, 9, 10]);
    expect(history.points(["price"]).at(-1)).toEqual({ time: 5200, value: 4 });
  });

  it("begin earlier after older history is loaded", () => {
    const history = new KeyHistory();
    history.load([{ seq: 5, time: 50, value: { price: 5 } }], 0);
    history.prepend([
      { seq: 4, time: 40, value: { price: 4 } },
      { seq: 5, time: 50, value: { price: 5 } },
    ]);
    expect(history.values.map(({ seq }) => seq)).toEqual([4, 5]);
  });

  it("include what was missed after the history is loaded again, and keep older pages", () => {
    const history = new KeyHistory();
    history.load([{ seq: 5, time: 50, value: { price: 5 } }], 0);
    history.prepend([{ seq: 4, time: 40, value: { price: 4 } }]);
    // A message of several updates has a higher seq than this key's update.
    history.add(9, 90, { price: 8 });
    const updates = [5, 6, 7, 8].map((seq) => ({ seq, time: seq * 10, value: { price: seq } }));
    history.load(updates, history.values.length);
    expect(history.values.map(({ seq }) => seq)).toEqual([4, 5, 6, 7, 8]);
  });

  it("are bounded in number", () => {
    const history = new KeyHistory();
    for (let i = 0; i < 50_000; i++) history.add(i, i, { price: i });
    expect(history.values.length).toBeLessThanOrEqual(22_000);
    expect(history.values.at(-1)?.seq).toBe(49_999);
  });
});
