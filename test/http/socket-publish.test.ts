import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ADMIN_KEY, bearer, newFeed, PUBLISH_KEY, snapshot } from "../support/api.ts";
import { listedFeeds, storedTables } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const GOOD = { key: "A", set: { p: 1 } };

function publisher(feed: string, key = PUBLISH_KEY): Promise<TestSubscriber> {
  return TestSubscriber.connect(feed, "", bearer(key));
}

describe("publishing over the socket", () => {
  test.each([PUBLISH_KEY, ADMIN_KEY])(
    "with %s is answered with a receipt, and everyone gets the update",
    async (key) => {
      const feed = newFeed();
      const [sender, reader] = await Promise.all([publisher(feed, key), TestSubscriber.connect(feed)]);
      const { epoch } = await sender.message("hello");
      sender.send({
        type: "publish",
        id: 7,
        updates: [GOOD, { key: "B", patch: { q: 2 }, version: 1, time: 5, ttl: 60 }],
      });
      expect(await sender.message("receipt")).toEqual({ type: "receipt", id: 7, epoch, seq: 2, accepted: 2, stale: 0 });
      await Promise.all([sender.reaches(2), reader.reaches(2)]);
      expect(reader.state()).toEqual({ A: { p: 1 }, B: { q: 2 } });
      expect(sender.state()).toEqual(reader.state());
      sender.send({ type: "publish", id: 8, updates: [{ key: "B", set: {}, version: 1 }] });
      expect(await sender.message("receipt", 8)).toMatchObject({ seq: 2, accepted: 0, stale: 1 });
    },
  );

  test("without an id gets a receipt without one", async () => {
    const sender = await publisher(newFeed());
    sender.send({ type: "publish", updates: [GOOD] });
    expect(await sender.message("receipt")).not.toHaveProperty("id");
  });

  test("many messages at once are answered each, in order", async () => {
    const feed = newFeed();
    const sender = await publisher(feed);
    for (let id = 1; id <= 50; id++) sender.send({ type: "publish", id, updates: [{ key: "A", set: { id } }] });
    await sender.message("receipt", 50);
    const receipts = sender.messages.filter(({ type }) => type === "receipt");
    expect(receipts.map(({ id, seq }) => [id, seq])).toEqual(Array.from({ length: 50 }, (_, i) => [i + 1, i + 1]));
    expect((await snapshot(feed)).entries).toEqual({ A: { id: 50 } });
  });

  test("is allowed by a token in the query or a subprotocol", async () => {
    const feed = newFeed();
    const headers = { "Sec-WebSocket-Protocol": `tickertape.v1, bearer.${PUBLISH_KEY}` };
    const senders = [
      await TestSubscriber.connect(feed, `?token=${PUBLISH_KEY}`),
      await TestSubscriber.connect(feed, "", headers),
    ];
    for (const sender of senders) {
      sender.send({ type: "publish", id: 1, updates: [GOOD] });
      await sender.message("receipt", 1);
    }
  });

  test("is forbidden without a credential, changes nothing and leaves the socket open", async () => {
    const feed = newFeed();
    const reader = await TestSubscriber.connect(feed);
    reader.send({ type: "publish", id: 3, updates: [GOOD] });
    expect(await reader.message("error")).toMatchObject({ id: 3, code: "forbidden" });
    expect(await storedTables(feed)).toEqual([]);
    expect(await listedFeeds()).not.toContain(feed);
    reader.send({ type: "subscribe", id: 4 });
    await reader.message("snapshot", 4);
  });

  test("of bad updates is refused as a whole, with the issues", async () => {
    const feed = newFeed();
    const sender = await publisher(feed);
    sender.send(
      `{"type":"publish","id":9,"updates":[{"key":"A","set":{}},{"key":"B","patch":{"price":1e999}},5,{"key":"","set":{}}]}`,
    );
    expect(await sender.message("error")).toEqual({
      type: "error",
      id: 9,
      code: "invalid_update",
      message: expect.stringMatching(/\S/),
      issues: [
        { index: 1, path: "patch.price", message: expect.any(String) },
        { index: 2, path: "", message: "is not a JSON object" },
        { index: 3, path: "key", message: "is empty" },
      ],
    });
    expect(await storedTables(feed)).toEqual([]);
    sender.send({ type: "publish", id: 10, updates: [GOOD] });
    expect(await sender.message("receipt", 10)).toMatchObject({ seq: 1 });
  });

  test("of an update that is bad only for its entry is refused with the issue", async () => {
    const sender = await publisher(newFeed());
    const pad = "x".repeat(40_000);
    sender.send({
      type: "publish",
      id: 1,
      updates: [
        { key: "A", patch: { a: pad } },
        { key: "A", patch: { b: pad } },
      ],
    });
    expect(await sender.message("error")).toMatchObject({
      id: 1,
      code: "invalid_update",
      issues: [{ index: 1, path: "patch" }],
    });
  });

  test("[PUB1] of no updates is refused, as it is over HTTP", async () => {
    const feed = newFeed();
    const sender = await publisher(feed);
    sender.send({ type: "publish", id: 1, updates: [] });
    await sender.until(({ messages }) => messages.some(({ id }) => id === 1), "an answer");
    expect(sender.messages.find(({ id }) => id === 1)).toMatchObject({ type: "error", code: "invalid_update" });
  });

  test("may still be done after a restart", async () => {
    const feed = newFeed();
    const [sender, reader] = await Promise.all([publisher(feed), TestSubscriber.connect(feed)]);
    await Promise.all([sender.message("snapshot"), reader.message("snapshot")]);
    await evictDurableObject(env.FEEDS.getByName(feed));
    sender.send({ type: "publish", id: 1, updates: [GOOD] });
    reader.send({ type: "publish", id: 1, updates: [GOOD] });
    expect(await sender.message("receipt", 1)).toMatchObject({ seq: 1 });
    expect(await reader.message("error", 1)).toMatchObject({ code: "forbidden" });
  });
});

describe("auth", () => {
  test("with a publish key allows publishing from then on, after a restart too", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed);
    subscriber.send({ type: "auth", id: 2, token: PUBLISH_KEY });
    expect(await subscriber.message("authorized")).toEqual({ type: "authorized", id: 2 });
    subscriber.send({ type: "publish", id: 3, updates: [GOOD] });
    expect(await subscriber.message("receipt", 3)).toMatchObject({ seq: 1 });
    await evictDurableObject(env.FEEDS.getByName(feed));
    subscriber.send({ type: "publish", id: 4, updates: [GOOD] });
    expect(await subscriber.message("receipt", 4)).toMatchObject({ seq: 2 });
  });

  test("counts for a publish that is sent right behind it", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    subscriber.send({ type: "auth", id: 1, token: PUBLISH_KEY });
    subscriber.send({ type: "publish", id: 2, updates: [GOOD] });
    await subscriber.until(({ messages }) => messages.some(({ id }) => id === 2), "an answer");
    expect(subscriber.messages.filter(({ id }) => id !== undefined).map(({ type }) => type)).toEqual([
      "authorized",
      "receipt",
    ]);
  });
});
