import { beforeAll, describe, expect, test } from "vitest";
import { newFeed, publish, request, snapshot } from "../support/api.ts";
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

/** For tests that only read. */
let three: { feed: string; epoch: string };

beforeAll(async () => {
  three = await feedOfThree();
});

describe("a snapshot", () => {
  test("has the feed, its position and its entries", async () => {
    const { feed, epoch } = three;
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
    const { feed } = three;
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
    const { feed, epoch } = three;
    const tag = `"${epoch}:3"`;
    const response = await request(`/v1/feeds/${feed}`, { headers: { "If-None-Match": header(tag) } });
    expect(response.status).toBe(304);
    expect(response.headers.get("ETag")).toBe(tag);
    expect(await response.text()).toBe("");
  });

  test.each(['"nothing:1"', "junk", "", '"', '""', 'W/"', '"a" "b"', "x".repeat(70)])(
    "of %s is answered with the snapshot",
    async (header) => {
      const { feed } = three;
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
    const { feed, epoch } = three;
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
    const { feed, epoch } = three;
    expect(await since(feed, `${epoch}:3`)).toMatchObject({ type: "update", from: 3, seq: 3, updates: [] });
  });

  test("has only selected keys, and still moves the position", async () => {
    const { feed, epoch } = three;
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
    const { feed, epoch } = three;
    const message = await since(feed, "another:3", "&keys=AAPL");
    expect(message).toMatchObject({ type: "snapshot", epoch, seq: 3, reason: "epoch_changed" });
    expect(message.entries).toEqual({ AAPL: { p: 1 } });
  });

  test("of a seq that has not come yet is answered with a snapshot", async () => {
    const { feed, epoch } = three;
    expect(await since(feed, `${epoch}:4`)).toMatchObject({ type: "snapshot", seq: 3, reason: "position_ahead" });
  });

  test("is answered in full though the reader has the ETag", async () => {
    const { feed, epoch } = three;
    const headers = { "If-None-Match": `"${epoch}:3"` };
    const response = await request(`/v1/feeds/${feed}?since=${epoch}:3`, { headers });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ updates: [] });
  });
});
