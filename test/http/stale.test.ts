import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, publish, snapshot } from "../support/api.ts";

describe("[PUB7] an update whose version is not above its key's last one", () => {
  test.each([
    ["below", 5, 4],
    ["equal", 5, 5],
    ["below by a fraction", 5.5, 5.25],
    ["negative", 0, -1],
  ])("is counted as stale and not applied: %s", async (_, first, second) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 }, version: first });
    expect(await publish(feed, { key: "A", set: { p: 2 }, version: second })).toMatchObject({
      seq: 1,
      accepted: 0,
      stale: 1,
    });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 } });
  });

  test("is stale against an earlier update of the same batch", async () => {
    const feed = newFeed();
    const receipt = await publish(feed, [
      { key: "A", set: { p: 1 }, version: 2 },
      { key: "A", set: { p: 2 }, version: 1 },
      { key: "A", patch: { q: 3 }, version: 3 },
    ]);
    expect(receipt).toMatchObject({ seq: 2, accepted: 2, stale: 1 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1, q: 3 } });
  });

  test("does not hold back the other keys of its batch", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 }, version: 9 });
    const batch = [
      { key: "A", set: { p: 0 }, version: 1 },
      { key: "B", set: { p: 2 }, version: 1 },
    ];
    expect(await publish(feed, batch)).toMatchObject({ seq: 2, accepted: 1, stale: 1 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 }, B: { p: 2 } });
  });

  test("is stale after the key was deleted too", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {}, version: 5 },
      { key: "A", delete: true, version: 6 },
    ]);
    expect(await publish(feed, { key: "A", set: { late: 1 }, version: 5.5 })).toMatchObject({ accepted: 0, stale: 1 });
    await publish(feed, { key: "A", set: { p: 7 }, version: 7 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 7 } });
  });

  test("is stale after a delete that gave no version", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {}, version: 5 },
      { key: "A", delete: true },
    ]);
    expect(await publish(feed, { key: "A", patch: { late: 1 }, version: 5 })).toMatchObject({ accepted: 0, stale: 1 });
  });

  test.each([
    ["live", { key: "A", set: {}, version: 5 }],
    ["deleted", { key: "A", delete: true, version: 5 }],
  ])("is stale after a restart too, for a %s key", async (_, update) => {
    const feed = newFeed();
    await publish(feed, update);
    await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await publish(feed, { key: "A", set: { p: 1 }, version: 5 })).toMatchObject({
      seq: 1,
      accepted: 0,
      stale: 1,
    });
  });
});

describe("[PUB7] an update that is not stale", () => {
  test("has no version: it always applies, and the last version still counts", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: { p: 1 }, version: 5 });
    expect(await publish(feed, { key: "A", set: { p: 2 } })).toMatchObject({ accepted: 1, stale: 0 });
    expect(await publish(feed, { key: "A", set: { p: 3 }, version: 5 })).toMatchObject({ accepted: 0, stale: 1 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 2 } });
  });

  test("has the first version of its key, whatever it is", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    expect(await publish(feed, { key: "A", set: { p: 1 }, version: -1e9 })).toMatchObject({ accepted: 1, stale: 0 });
  });
});

test("a batch that is stale throughout gets a receipt and changes nothing", async () => {
  const feed = newFeed();
  await publish(feed, { key: "A", set: {}, version: 1 });
  const before = await snapshot(feed);
  const receipt = await publish(feed, [
    { key: "A", delete: true, version: 1 },
    { key: "A", set: { x: 1 }, version: 0 },
  ]);
  expect(receipt).toMatchObject({ epoch: before.epoch, seq: 1, accepted: 0, stale: 2 });
  expect(await snapshot(feed)).toEqual(before);
});
