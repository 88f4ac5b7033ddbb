import { expect, test } from "vitest";
import { UnfitEntries } from "../../../src/feed/state/unfit-entries.ts";
import { Feed } from "../../../src/feed/state/feed.ts";

test("the search for unfit entries looks at little in one step, however long the values are", () => {
  const feed = Feed.begin("e1");
  const value = JSON.stringify({ text: "x".repeat(60_000) });
  for (let i = 0; i < 20; i++) feed.accept([`{"key":"k${i}","set":${value}}`], 1);
  let checked = 0;
  const unfit = new UnfitEntries(feed, () => {
    checked++;
    return [{ path: "", message: "is bad" }];
  });
  const steps = unfit.search();
  for (let before = 0; steps.next().done !== true; before = checked) expect(checked - before).toBeLessThanOrEqual(2);
  expect(checked).toBe(20);
  expect(unfit.count).toBe(20);
  feed.accept(['{"key":"k1","delete":true}'], 1);
  expect(unfit.count).toBe(19);
});
