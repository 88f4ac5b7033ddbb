import { describe, expect, test } from "vitest";
import { newFeed, publish, request, snapshot } from "../support/api.ts";
import { listedFeeds, storedTables } from "../support/http.ts";
import type { Message } from "../support/subscriber.ts";

async function since(feed: string, position: string, more = ""): Promise<Message> {
  const response = await request(`/v1/feeds/${feed}?since=${position}${more}`);
  expect(response.status).toBe(200);
  return response.json();
}

async function feedOfThree(): Promise<{ feed: string; epoch: string }> {
  const feed = newFeed();
  const { epoch } = await publish(feed, [
    { key: "AAPL", set: { p: 1 } },
    { key: "tech.a", set: { p: 2 } },
    { key: "tech.b", set: { p: 3 } },
  ]);
  return { feed, epoch };
}

describe("a snapshot", () => {
  test("has the feed, its position and its entries", async () => {
    const { feed, epoch } = await feedOfThree();
    const response = await request(`/v1/feeds/${feed}`);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(response.headers.get("ETag")).toBe(`"${epoch}:3"`);
    expect(await response.json()).toEqual({
      feed,
      epoch,
      seq: 3,
      time: expect.any(Number),
      entries: { AAPL: { p: 1 }, "tech.a": { p: 2 }, "tech.b": { p: 3 } },
    });
  });

  test.each([
    ["keys=AAPL", ["AAPL"]],
    ["keys=tech.*", ["tech.a", "tech.b"]],
    ["keys=AAPL,tech.b", ["AAPL", "tech.b"]],
    ["keys=AAPL&keys=tech.b", ["AAPL", "tech.b"]],
    ["keys=tech.a,tech.*,tech.a", ["tech.a", "tech.b"]],
    ["keys=*", ["AAPL", "tech.a", "tech.b"]],
    ["keys=aapl,tech,AAP,NONE", []],
    ["unknown=1", ["AAPL", "tech.a", "tech.b"]],
  ])("holds what ?%s selects", async (query, keys) => {
    const { feed } = await feedOfThree();
    const { seq, entries } = await snapshot(feed, `?${query}`);
    expect(seq).toBe(3);
    expect(Object.keys(entries).toSorted()).toEqual(keys);
  });
});

describe("[READ5] If-None-Match", () => {
  test.each([
    ["the ETag", (tag: string) => tag],
    ["the ETag, marked as weak", (tag: string) => `W/${tag}`],
    ["the ETag among others", (tag: string) => `"x:1", W/"y:2",${tag}`],
    ["an asterisk", () => "*"],
  ])("of %s is answered 304 without a body", async (_, header) => {
    const { feed, epoch } = await feedOfThree();
    const tag = `"${epoch}:3"`;
    const response = await request(`/v1/feeds/${feed}`, { headers: { "If-None-Match": header(tag) } });
    expect(response.status).toBe(304);
    expect(response.headers.get("ETag")).toBe(tag);
    expect(await response.text()).toBe("");
  });

  test.each(['"nothing:1"', "junk", "", '"', '""', 'W/"', '"a" "b"', "x".repeat(70)])(
    "of %s is answered with the snapshot",
    async (header) => {
      const { feed } = await feedOfThree();
      const response = await request(`/v1/feeds/${feed}`, { headers: { "If-None-Match": header } });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ seq: 3 });
    },
  );

  test("of an old ETag is answered with the snapshot and the new one", async () => {
    const { feed, epoch } = await feedOfThree();
    await publish(feed, { key: "AAPL", patch: { p: 9 } });
    const response = await request(`/v1/feeds/${feed}`, { headers: { "If-None-Match": `"${epoch}:3"` } });
    expect(response.headers.get("ETag")).toBe(`"${epoch}:4"`);
    expect(await response.json()).toMatchObject({ seq: 4, entries: { AAPL: { p: 9 } } });
  });

  test("works for HEAD", async () => {
    const { feed, epoch } = await feedOfThree();
    const headers = { "If-None-Match": `"${epoch}:3"` };
    expect((await request(`/v1/feeds/${feed}`, { method: "HEAD", headers })).status).toBe(304);
  });
});

describe("?since", () => {
  test("is answered with an update that goes on from there", async () => {
    const { feed, epoch } = await feedOfThree();
    await publish(feed, [
      { key: "AAPL", set: { p: 9 } },
      { key: "tech.a", delete: true },
    ]);
    const message = await since(feed, `${epoch}:3`);
    expect(message).toEqual({
      type: "update",
      from: 3,
      seq: 5,
      time: expect.any(Number),
      updates: [
        { key: "AAPL", set: { p: 9 } },
        { key: "tech.a", delete: true },
      ],
    });
  });

  test("[SUB2] of the present is answered with an update of no updates", async () => {
    const { feed, epoch } = await feedOfThree();
    expect(await since(feed, `${epoch}:3`)).toMatchObject({ type: "update", from: 3, seq: 3, updates: [] });
  });

  test("has only selected keys, and still moves the position", async () => {
    const { feed, epoch } = await feedOfThree();
    expect(await since(feed, `${epoch}:0`, "&keys=AAPL")).toMatchObject({
      from: 0,
      seq: 3,
      updates: [{ key: "AAPL", set: { p: 1 } }],
    });
    expect(await since(feed, `${epoch}:1`, "&keys=AAPL")).toMatchObject({ from: 1, seq: 3, updates: [] });
  });

  test("[READ1] with mode=all has every update, in order and as published", async () => {
    const feed = newFeed();
    const updates = [
      { key: "A", set: { p: 1 }, ttl: 60 },
      { key: "A", patch: { p: 2 }, version: 1 },
      { key: "B", set: {} },
      { key: "A", delete: true, time: 5 },
    ];
    const { epoch } = await publish(feed, updates);
    expect((await since(feed, `${epoch}:0`, "&mode=all")).updates).toEqual(updates);
    expect((await since(feed, `${epoch}:2`, "&mode=all")).updates).toEqual(updates.slice(2));
  });

  test("of another epoch is answered with a snapshot", async () => {
    const { feed, epoch } = await feedOfThree();
    const message = await since(feed, "another:3", "&keys=AAPL");
    expect(message).toMatchObject({ type: "snapshot", epoch, seq: 3, reason: "epoch_changed" });
    expect(message.entries).toEqual({ AAPL: { p: 1 } });
  });

  test("of a seq that has not come yet is answered with a snapshot", async () => {
    const { feed, epoch } = await feedOfThree();
    expect(await since(feed, `${epoch}:4`)).toMatchObject({ type: "snapshot", seq: 3, reason: "position_ahead" });
  });

  test("is answered in full though the reader has the ETag", async () => {
    const { feed, epoch } = await feedOfThree();
    const headers = { "If-None-Match": `"${epoch}:3"` };
    const response = await request(`/v1/feeds/${feed}?since=${epoch}:3`, { headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ updates: [] });
  });
});

describe("a feed that was never published to", () => {
  test("is empty, has a position that stays, and is not stored or listed", async () => {
    const feed = newFeed();
    const first = await snapshot(feed);
    expect(first).toEqual({ feed, epoch: first.epoch, seq: 0, time: 0, entries: {} });
    expect(await snapshot(feed)).toEqual(first);
    expect(await since(feed, `${first.epoch}:0`)).toMatchObject({ type: "update", from: 0, seq: 0, updates: [] });
    const headers = { "If-None-Match": `"${first.epoch}:0"` };
    expect((await request(`/v1/feeds/${feed}`, { headers })).status).toBe(304);
    const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
    expect(stats).toMatchObject({ feed, epoch: first.epoch, seq: 0, keys: 0, subscribers: 0 });
    const history = await (await request(`/v1/feeds/${feed}/history?key=A`)).json();
    expect(history).toEqual({ feed, epoch: first.epoch, key: "A", updates: [], more: false });
    expect(await storedTables(feed)).toEqual([]);
    expect(await listedFeeds()).not.toContain(feed);
  });

  test("[POS3] gets an epoch of its own when it is first published to", async () => {
    const feed = newFeed();
    const { epoch } = await snapshot(feed);
    const receipt = await publish(feed, { key: "A", set: {} });
    expect(receipt.epoch).not.toBe(epoch);
    expect(await since(feed, `${epoch}:0`)).toMatchObject({ type: "snapshot", reason: "epoch_changed", seq: 1 });
  });
});
