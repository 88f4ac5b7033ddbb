import { describe, expect, test } from "vitest";
import { newFeed, publish, request } from "../support/api.ts";
import { problem, storedTables } from "../support/http.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";

describe("connecting", () => {
  test("brings hello, then a snapshot, then updates", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: { p: 1 } });
    const subscriber = await TestSubscriber.connect(feed);
    await subscriber.reaches(1);
    await publish(feed, { key: "A", patch: { q: 2 } });
    await subscriber.reaches(2);
    expect(subscriber.messages).toEqual([
      { type: "hello", protocol: "tickertape.v1", feed, epoch, seq: 1, time: expect.any(Number) },
      { type: "snapshot", epoch, seq: 1, time: expect.any(Number), reason: "initial", entries: { A: { p: 1 } } },
      { type: "update", from: 1, seq: 2, time: expect.any(Number), updates: [{ key: "A", patch: { q: 2 } }] },
    ]);
  });

  test("to a feed that was never published to brings an empty snapshot and creates nothing in storage", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed);
    const { epoch } = await subscriber.message("hello");
    const snapshot = await subscriber.message("snapshot");
    expect(snapshot).toEqual({ type: "snapshot", epoch, seq: 0, time: 0, reason: "initial", entries: {} });
    subscriber.send({ type: "subscribe", id: 1, keys: ["A"] });
    await subscriber.message("snapshot", 1);
    expect(await storedTables(feed)).toEqual([]);
    expect(await (await request(`/v1/feeds/${feed}`)).json()).toMatchObject({ epoch, seq: 0 });
  });

  test.each(["websocket", "WebSocket", "WEBSOCKET"])("is asked for by Upgrade: %s", async (Upgrade) => {
    await TestSubscriber.connect(newFeed(), "", { Upgrade });
  });

  test.each(["?keys=", "?since=x", "?hz=0", "?mode=x", "?hz=1&hz=2"])(
    "with %s is refused before the upgrade",
    async (query) => {
      const feed = newFeed();
      await problem(await upgrade(feed, query), "invalid_query");
      expect(await storedTables(feed)).toEqual([]);
    },
  );
});

describe("the subprotocol", () => {
  test.each([
    [undefined, null],
    ["tickertape.v1", "tickertape.v1"],
    ["tickertape.v1, unknown.v9", "tickertape.v1"],
    ["unknown.v9,tickertape.v1", "tickertape.v1"],
    ["tickertape.v2, tickertape.v1", "tickertape.v1"],
    ["tickertape.v1, bearer.publish-key", "tickertape.v1"],
    ["bearer.publish-key, tickertape.v1", "tickertape.v1"],
    ["bearer.publish-key", null],
  ])("of %s offered is %s", async (offered, chosen) => {
    const headers = offered === undefined ? {} : { "Sec-WebSocket-Protocol": offered };
    const subscriber = await TestSubscriber.connect(newFeed(), "", headers);
    expect(subscriber.protocol).toBe(chosen);
    expect(await subscriber.message("hello")).toMatchObject({ protocol: "tickertape.v1" });
  });

  test.each([
    "unknown.v9",
    "tickertape",
    "tickertape.v2",
    "TICKERTAPE.V1",
    "tickertape.v1x, graphql-ws",
    "tickertape.v1.cbor",
    "unknown.v9, bearer.publish-key",
  ])("%s is not supported", async (offered) => {
    const feed = newFeed();
    const response = await upgrade(feed, "", { "Sec-WebSocket-Protocol": offered });
    expect(response.webSocket).toBeNull();
    const { detail } = await problem(response, "unsupported_protocol");
    expect(detail).not.toContain("publish-key");
    expect(await storedTables(feed)).toEqual([]);
  });
});

describe("closing", () => {
  test("by the client ends the subscription", async () => {
    const feed = newFeed();
    const [stays, goes] = await Promise.all([TestSubscriber.connect(feed), TestSubscriber.connect(feed)]);
    await Promise.all([stays.message("snapshot"), goes.message("snapshot")]);
    goes.close(1000);
    await goes.until(({ closed }) => closed !== undefined);
    expect(goes.closed?.code).toBe(1000);
    expect(await (await request(`/v1/feeds/${feed}/stats`)).json()).toMatchObject({ subscribers: 1 });
    await publish(feed, { key: "A", set: {} });
    await stays.reaches(1);
    expect(goes.messages.map(({ type }) => type)).toEqual(["hello", "snapshot"]);
  });
});

describe("ping", () => {
  test("is answered pong, and nothing else is", async () => {
    const subscriber = await TestSubscriber.connect(newFeed());
    subscriber.send("ping");
    await subscriber.until(({ raw }) => raw.includes("pong"), "pong");
    for (const text of ["PING", " ping", '"ping"', "pong"]) subscriber.send(text);
    await subscriber.until(
      ({ messages }) => messages.filter(({ type }) => type === "error").length === 4,
      "four errors",
    );
    expect(subscriber.raw.filter((text) => text === "pong")).toHaveLength(1);
  });
});
