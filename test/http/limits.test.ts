import { describe, expect, test } from "vitest";
import { newFeed, post, publish, snapshot } from "../support/api.ts";
import { hasObject, problem } from "../support/http.ts";

const MIB = 1024 * 1024;
const NDJSON = { "Content-Type": "application/x-ndjson" };

function updates(count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => ({ key: `K${i % 10}`, set: { i } }));
}

/** A value whose JSON has exactly so many bytes, of characters that have `width` bytes each. */
function valueOf(bytes: number, width: 1 | 2 | 3 | 4 = 1): { pad: string } {
  const room = bytes - '{"pad":""}'.length;
  const pad = ["x", "é", "€", "😀"][width - 1]!.repeat(Math.floor(room / width)) + "x".repeat(room % width);
  return { pad };
}

describe("a batch", () => {
  test.each([
    ["array", JSON.stringify(updates(1_000)), {}],
    [
      "NDJSON",
      updates(1_000)
        .map((update) => JSON.stringify(update))
        .join("\n\n"),
      NDJSON,
    ],
  ])("may have 1,000 updates: %s", async (_, body, headers) => {
    const response = await post(newFeed(), body, headers);
    expect(await response.json()).toMatchObject({ seq: 1_000, accepted: 1_000 });
  });

  test.each([
    ["array", JSON.stringify(updates(1_001)), {}],
    [
      "NDJSON",
      updates(1_001)
        .map((update) => JSON.stringify(update))
        .join("\n"),
      NDJSON,
    ],
    ["array of bad updates", JSON.stringify(Array.from({ length: 1_001 }, () => 0)), {}],
  ])("may not have 1,001 updates: %s", async (_, body, headers) => {
    const feed = newFeed();
    await problem(await post(feed, body, headers), "too_large");
    expect(await hasObject(feed)).toBe(false);
  });
});

describe("[PUB10] a body", () => {
  test.each([1, 2, 3, 4] as const)("may be full of values of characters that have %i bytes each", async (width) => {
    const feed = newFeed();
    const batch = Array.from({ length: 15 }, (_, i) => ({ key: `K${i}`, set: valueOf(65_536, width) }));
    expect(await publish(feed, batch)).toMatchObject({ accepted: 15 });
    expect((await snapshot(feed)).entries["K14"]).toEqual(batch[14]?.set);
  });

  test("whose numbers become too long when they are written out is refused as too large", async () => {
    const feed = newFeed();
    const numbers = "1e20,".repeat(200);
    const updates = Array.from({ length: 1_000 }, (_, i) => `{"key":"K${i}","set":{"n":[${numbers}0]}}`);
    const body = `[${updates.join()}]`;
    expect(body.length).toBeLessThanOrEqual(MIB);
    await problem(await post(feed, body), "too_large");
    expect(await hasObject(feed)).toBe(false);
  });
});

describe("[PUB10] a value", () => {
  test.each([1, 2, 3, 4] as const)("may have exactly 65,536 bytes, in characters of %i", async (width) => {
    const feed = newFeed();
    const set = valueOf(65_536, width);
    await publish(feed, [
      { key: "A", set },
      { key: "B", patch: set },
    ]);
    expect((await snapshot(feed)).entries).toEqual({ A: set, B: set });
  });

  test.each([1, 2, 3, 4] as const)("may not have one byte more, in characters of %i", async (width) => {
    const value = valueOf(65_537, width);
    const response = await post(newFeed(), [
      { key: "A", set: value },
      { key: "B", patch: value },
    ]);
    const { issues } = await problem(response, "invalid_update");
    expect(issues).toMatchObject([
      { index: 0, path: "set" },
      { index: 1, path: "patch" },
    ]);
  });

  test("is measured without the white space that it was sent with", async () => {
    const body = `{"key":"A","set":{"p":${" ".repeat(70_000)}1}}`;
    expect((await post(newFeed(), body)).status).toBe(200);
  });

  test("[PUB3] may reach 65,536 bytes by patches that add up, and not pass them", async () => {
    const feed = newFeed();
    const half = "é".repeat(16_000);
    await publish(feed, { key: "A", set: { a: half } });
    const rest = 65_536 - new TextEncoder().encode(JSON.stringify({ a: half, b: "" })).length;
    const over = await problem(await post(feed, { key: "A", patch: { b: "x".repeat(rest + 1) } }), "invalid_update");
    expect(over.issues).toMatchObject([{ index: 0, path: "patch" }]);
    await publish(feed, { key: "A", patch: { b: "x".repeat(rest) } });
    await problem(await post(feed, { key: "A", patch: { b: "x".repeat(rest), c: 1 } }), "invalid_update");
    expect((await snapshot(feed)).entries["A"]).toEqual({ a: half, b: "x".repeat(rest) });
  });

  test("may be patched for ever while it does not grow", async () => {
    const feed = newFeed();
    const batch = Array.from({ length: 300 }, (_, i) => ({ key: "A", patch: { pad: `${i}`.padEnd(3_000, "x") } }));
    expect(await publish(feed, batch)).toMatchObject({ accepted: 300 });
  });
});

describe("[PUB10] names", () => {
  test.each([
    ["Latin letters", "k".repeat(128)],
    ["emoji, which count as one each", "😀".repeat(128)],
  ])("a key may have 128 characters: %s", async (_, key) => {
    const feed = newFeed();
    await publish(feed, { key, set: { p: 1 } });
    expect((await snapshot(feed, `?keys=${encodeURIComponent(key)}`)).entries).toEqual({ [key]: { p: 1 } });
    await problem(await post(feed, { key: `${key}k`, set: {} }), "invalid_update");
  });

  test("a feed's name may have 64 characters and not 65", async () => {
    const name = newFeed().padEnd(64, "x");
    expect(await publish(name, { key: "A", set: {} })).toMatchObject({ feed: name });
    await problem(await post(`${name}x`, { key: "A", set: {} }), "invalid_feed");
  });
});
