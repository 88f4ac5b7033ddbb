import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/protocol/limits.ts";
import { newFeed, post, publish } from "../support/api.ts";
import { feedState, hasObject, listedFeeds, problem, storedTables } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const GOOD = { key: "GOOD", set: { p: 1 } };

/** Bad updates, each with the path of what is wrong with it. A string is JSON that a JavaScript object cannot hold. */
const BAD: [what: string, update: unknown, path: string][] = [
  ["not an object", 7, ""],
  ["null", null, ""],
  ["an array", [GOOD], ""],
  ["an empty object", {}, ""],
  ["no change", { key: "A" }, ""],
  ["two changes", { key: "A", set: {}, patch: {} }, ""],
  ["three changes", { key: "A", set: {}, patch: {}, delete: true }, ""],
  ["no key", { set: {} }, "key"],
  ["a key that is a number", { key: 1, set: {} }, "key"],
  ["a key that is null", { key: null, set: {} }, "key"],
  ["an empty key", { key: "", set: {} }, "key"],
  ["a key with a comma", { key: "a,b", set: {} }, "key"],
  ["a key with an asterisk", { key: "a*", set: {} }, "key"],
  ["a key with a line break", { key: "a\nb", set: {} }, "key"],
  ["a key with DEL", { key: "a\u007f", set: {} }, "key"],
  ["a key with a C1 control character", { key: "\u0085", set: {} }, "key"],
  ["a key with a lone surrogate", '{"key":"a\\ud800","set":{}}', "key"],
  ["set that is null", { key: "A", set: null }, "set"],
  ["set that is an array", { key: "A", set: [1] }, "set"],
  ["set that is a string", { key: "A", set: "x" }, "set"],
  ["patch that is null", { key: "A", patch: null }, "patch"],
  ["patch that is an array", { key: "A", patch: [] }, "patch"],
  ["delete that is false", { key: "A", delete: false }, "delete"],
  ["delete that is 1", { key: "A", delete: 1 }, "delete"],
  ["time that is a string", { key: "A", set: {}, time: "2026-01-01" }, "time"],
  ["time that is null", { key: "A", set: {}, time: null }, "time"],
  ["time past the doubles", '{"key":"A","set":{},"time":1e999}', "time"],
  ["version that is a string", { key: "A", set: {}, version: "1" }, "version"],
  ["version past the doubles", '{"key":"A","set":{},"version":-1e999}', "version"],
  ["ttl of 0", { key: "A", set: {}, ttl: 0 }, "ttl"],
  ["ttl below 0", { key: "A", set: {}, ttl: -1 }, "ttl"],
  ["ttl that is a string", { key: "A", set: {}, ttl: "60" }, "ttl"],
  ["ttl past ten years", { key: "A", set: {}, ttl: 1e12 }, "ttl"],
  ["a misspelt member", { key: "A", set: {}, tll: 5 }, "tll"],
  ["a misspelt change", { key: "A", sett: {} }, "sett"],
  ["a member named __proto__", '{"key":"A","set":{},"__proto__":{}}', "__proto__"],
  ["a member named constructor", '{"key":"A","set":{},"constructor":1}', "constructor"],
  ["a number past the doubles in set", '{"key":"A","set":{"price":1e999}}', "set.price"],
  ["a number past the doubles in patch", '{"key":"A","patch":{"price":-1e999}}', "patch.price"],
  ["a number past the doubles in an array", '{"key":"A","set":{"a":[0,1,2,1e999]}}', "set.a[3]"],
  ["a number past the doubles further in", '{"key":"A","set":{"a":[[{"b":[1e999]}]]}}', "set.a[0][0].b[0]"],
  ["a lone surrogate as a value", '{"key":"A","patch":{"s":"x\\udc00y"}}', "patch.s"],
  ["a lone surrogate as a member's name", '{"key":"A","set":{"in":{"\\ud800":1}}}', "set.in"],
];

function text(update: unknown): string {
  return typeof update === "string" ? update : JSON.stringify(update);
}

describe("[PUB1] a bad update", () => {
  test("of a batch gets an issue with its own index and path, and makes no feed", async () => {
    const feed = newFeed();
    const body = BAD.map(([, update]) => `${text(GOOD)},${text(update)}`).join(",");
    const { issues } = await problem(await post(feed, `[${body}]`), "invalid_update");
    const expected = BAD.map(([, , path], i) => ({ index: 2 * i + 1, path, message: expect.stringMatching(/\S/) }));
    expect(issues).toEqual(expected);
    expect(await hasObject(feed)).toBe(false);
  });

  test("on its own has index 0", async () => {
    const { issues } = await problem(await post(newFeed(), { key: "A", sett: {} }), "invalid_update");
    expect(issues).toEqual([{ index: 0, path: "sett", message: "is not a member of an update" }]);
  });

  test("has its index among the updates of NDJSON, blank lines not counted", async () => {
    const headers = { "Content-Type": "application/x-ndjson" };
    const response = await post(newFeed(), `\n${text(GOOD)}\n\n{"key":"A"}\n`, headers);
    expect((await problem(response, "invalid_update")).issues).toMatchObject([{ index: 1, path: "" }]);
  });

  test("with several faults gets an issue for each", async () => {
    const response = await post(newFeed(), { key: "", set: {}, time: "x", version: "y", ttl: -1 });
    const { issues } = await problem(response, "invalid_update");
    expect(issues?.map(({ path }) => path).toSorted()).toEqual(["key", "time", "ttl", "version"]);
  });
});

test("of very many bad updates, the first get issues", async () => {
  const batch = Array.from({ length: 1_000 }, () => ({ key: "A" }));
  const { issues } = await problem(await post(newFeed(), batch), "invalid_update");
  expect(issues?.map(({ index }) => index)).toEqual(Array.from({ length: LIMITS.reportedIssues }, (_, i) => i));
});

describe("a batch with one bad update", () => {
  const BIG = "x".repeat(60_000);
  test.each([
    ["first", [{ key: "A", sett: {} }, GOOD, { key: "A", delete: true }]],
    ["last", [GOOD, { key: "A", delete: true }, { key: "A", ttl: 1 }]],
    [
      "one that only its entry shows to be bad",
      [GOOD, { key: "A", patch: { a: BIG } }, { key: "A", patch: { b: BIG } }],
    ],
  ])("changes nothing, and subscribers do not see it: %s", async (_, batch) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 }, version: 1 });
    const before = await feedState(feed);
    const subscriber = await TestSubscriber.connect(feed, "?mode=all");
    await problem(await post(feed, batch), "invalid_update");
    subscriber.close();
    await subscriber.until(({ closed }) => closed !== undefined);
    expect(subscriber.messages.map(({ type }) => type)).toEqual(["hello", "snapshot"]);
    expect(await feedState(feed)).toEqual(before);
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await feedState(feed)).toEqual(before);
    expect(await publish(feed, GOOD)).toMatchObject({ seq: 2 });
  });

  test("that is bad only for its entry creates no feed", async () => {
    const feed = newFeed();
    const batch = [GOOD, { key: "A", patch: { a: BIG } }, { key: "A", patch: { b: BIG } }];
    const { issues } = await problem(await post(feed, batch), "invalid_update");
    expect(issues).toMatchObject([{ index: 2, path: "patch" }]);
    expect(await storedTables(feed)).toEqual([]);
    expect(await listedFeeds()).not.toContain(feed);
  });
});

test("a good batch reaches a subscriber in one message", async () => {
  const feed = newFeed();
  const subscriber = await TestSubscriber.connect(feed);
  const batch = Array.from({ length: 1_000 }, (_, i) => ({ key: `K${i}`, set: { i, pad: "x".repeat(500) } }));
  await publish(feed, batch);
  const { from, seq, updates } = await subscriber.message("update");
  expect({ from, seq }).toEqual({ from: 0, seq: 1_000 });
  expect(updates).toEqual(batch);
});
