import { encode } from "@msgpack/msgpack";
import { describe, expect, test } from "vitest";
import { MSGPACK_PROTOCOL } from "../../src/protocol/names.ts";
import { MEMORIES } from "../durable/evictions.ts";
import { bearer, newFeed, post, publish, PUBLISH_KEY, snapshot } from "../support/api.ts";
import { gzip, problem, hasObject } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const PACKED = { "Content-Type": "application/msgpack" };

async function connect(feed: string, headers: Record<string, string> = {}): Promise<TestSubscriber> {
  const subscriber = await TestSubscriber.connect(feed, "", { "Sec-WebSocket-Protocol": MSGPACK_PROTOCOL, ...headers });
  expect(subscriber.protocol).toBe(MSGPACK_PROTOCOL);
  return subscriber;
}

describe.each(MEMORIES)("[PACK2] a socket that speaks MessagePack, %s", (_, between) => {
  test("gets the same messages as one that speaks JSON, in binary frames", async () => {
    const feed = newFeed();
    await publish(feed, { key: "ä\u{1f600}", set: { p: 191.2, big: 2 ** 53, list: [null, true, { x: -1e-7 }] } });
    const [packed, plain] = [await connect(feed), await TestSubscriber.connect(feed)];
    await Promise.all([packed.reaches(1), plain.reaches(1)]);
    await between(feed);
    await publish(feed, [
      { key: "B", set: { a: 1 } },
      { key: "B", patch: { a: null } },
    ]);
    await Promise.all([packed.reaches(3), plain.reaches(3)]);
    expect(packed.messages).toEqual(plain.messages);
    expect(packed.raw).toEqual([]);
    expect(packed.view.state()).toEqual((await snapshot(feed)).entries);
  });

  test("publishes and subscribes in MessagePack as others do in JSON", async () => {
    const feed = newFeed();
    const packed = await connect(feed, bearer(PUBLISH_KEY));
    await packed.reaches(0);
    await between(feed);
    packed.send({ type: "publish", id: 1, updates: [{ key: "A", set: { p: 1.5 } }] });
    expect(await packed.message("receipt", 1)).toMatchObject({ seq: 1, accepted: 1 });
    await between(feed);
    packed.send({ type: "subscribe", id: 2, keys: ["B"] });
    expect(await packed.message("snapshot", 2)).toMatchObject({ reason: "subscribe", entries: {} });
    await between(feed);
    packed.send({ type: "subscribe", id: 3, keys: [7] });
    expect(await packed.message("error", 3)).toMatchObject({ code: "invalid_message" });
    packed.send("ping");
    await packed.until(({ raw }) => raw.length > 0, "pong");
    expect(packed.raw).toEqual(["pong"]);
  });

  test("[PACK1] gets an error for a frame that is not MessagePack, and stays open", async () => {
    const feed = newFeed();
    const packed = await (await connect(feed)).reaches(0);
    await between(feed);
    packed.send(new Uint8Array([0xc1]).buffer);
    expect(await packed.message("error")).toMatchObject({ code: "invalid_message" });
    expect(packed.closed).toBeUndefined();
  });
});

test("[MSG2] binary frames are no part of a socket that speaks JSON", async () => {
  const subscriber = await (await TestSubscriber.connect(newFeed())).reaches(0);
  subscriber.send(encode({ type: "ack", seq: 0 }).slice().buffer);
  expect(await subscriber.message("error")).toMatchObject({ code: "invalid_message" });
});

describe("publishing in MessagePack", () => {
  test.each([
    ["one update", { key: "A", set: { p: 191.2 } }, 1],
    [
      "a batch",
      [
        { key: "A", set: { p: 1 } },
        { key: "A", patch: { p: 191.2 } },
      ],
      2,
    ],
  ])("takes %s", async (_, body, seq) => {
    const feed = newFeed();
    const response = await post(feed, encode(body), PACKED);
    expect(await response.json()).toMatchObject({ seq, accepted: seq });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 191.2 } });
  });

  test("accepts it compressed, and finds a repeat by its bytes", async () => {
    const feed = newFeed();
    const headers = { ...PACKED, "Content-Encoding": "gzip", "Idempotency-Key": "k" };
    const body = await gzip(encode({ key: "A", set: { p: 1 } }));
    expect((await post(feed, body, headers)).headers.get("Idempotency-Replayed")).toBeNull();
    expect((await post(feed, body, headers)).headers.get("Idempotency-Replayed")).toBe("true");
  });

  test.each([
    ["no MessagePack", new Uint8Array([0xc1]), "invalid_json"],
    ["bytes for a value", encode({ key: "A", set: { p: new Uint8Array(3) } }), "invalid_json"],
    ["a number that JSON has not", encode({ key: "A", set: { p: NaN } }), "invalid_update"],
    ["an unknown member", encode({ key: "A", set: {}, sett: {} }), "invalid_update"],
    ["1,001 updates", encode(Array.from({ length: 1_001 }, () => ({ key: "A", set: {} }))), "too_large"],
  ] as const)("refuses %s", async (_, body, code) => {
    const feed = newFeed();
    await problem(await post(feed, body, PACKED), code);
    expect(await hasObject(feed)).toBe(false);
  });
});
