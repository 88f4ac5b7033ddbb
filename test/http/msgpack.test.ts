import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, test, vi } from "vitest";
import { MEMORIES } from "../durable/evictions.ts";
import { newFeed, post, publish, snapshot } from "../support/api.ts";
import { gzip, problem, storedTables } from "../support/http.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";
import { View, type Message } from "../support/view.ts";

const PROTOCOL = "tickertape.v1.msgpack";
const PACKED = { "Content-Type": "application/msgpack" };

/** A client that speaks MessagePack, and keeps its view as the contract has it. */
class PackedSubscriber {
  readonly messages: Message[] = [];
  readonly view = new View();
  readonly texts: string[] = [];
  closed: number | undefined;
  readonly socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.texts.push(data);
      else {
        const message = decode(data) as Message;
        this.messages.push(message);
        this.view.apply(message);
      }
    });
    socket.addEventListener("close", ({ code }) => (this.closed = code));
    socket.accept();
  }

  static async connect(feed: string, query = "", headers: Record<string, string> = {}): Promise<PackedSubscriber> {
    const response = await upgrade(feed, query, { "Sec-WebSocket-Protocol": PROTOCOL, ...headers });
    expect(response.status).toBe(101);
    expect(response.headers.get("Sec-WebSocket-Protocol")).toBe(PROTOCOL);
    return new PackedSubscriber(response.webSocket!);
  }

  send(message: unknown): void {
    this.socket.send(encode(message));
  }

  async reaches(seq: number): Promise<this> {
    await vi.waitFor(() => expect(this.view.position?.seq).toBeGreaterThanOrEqual(seq), 5_000);
    return this;
  }

  async message(type: string, id: number): Promise<Message> {
    await vi.waitFor(() => expect(this.messages.some((m) => m.type === type && m.id === id)).toBe(true), 5_000);
    return this.messages.find((m) => m.type === type && m.id === id)!;
  }
}

describe.each(MEMORIES)("[PACK2] a socket that speaks MessagePack, %s", (_, between) => {
  test("gets the same messages as one that speaks JSON, in binary frames", async () => {
    const feed = newFeed();
    await publish(feed, { key: "ä\u{1f600}", set: { p: 191.2, big: 2 ** 53, list: [null, true, { x: -1e-7 }] } });
    const [packed, plain] = [await PackedSubscriber.connect(feed), await TestSubscriber.connect(feed)];
    await Promise.all([packed.reaches(1), plain.reaches(1)]);
    await between(feed);
    await publish(feed, [
      { key: "B", set: { a: 1 } },
      { key: "B", patch: { a: null } },
    ]);
    await Promise.all([packed.reaches(3), plain.reaches(3)]);
    expect(packed.messages).toEqual(plain.messages);
    expect(packed.texts).toEqual([]);
    expect(packed.view.state()).toEqual((await snapshot(feed)).entries);
  });

  test("publishes and subscribes in MessagePack as others do in JSON", async () => {
    const feed = newFeed();
    const packed = await PackedSubscriber.connect(feed, "", { Authorization: "Bearer publish-key" });
    await packed.reaches(0);
    await between(feed);
    packed.send({ type: "publish", id: 1, updates: [{ key: "A", set: { p: 1.5 } }] });
    expect(await packed.message("receipt", 1)).toMatchObject({ seq: 1, accepted: 1 });
    await between(feed);
    packed.view.wants = ["B"];
    packed.send({ type: "subscribe", id: 2, keys: ["B"] });
    expect(await packed.message("snapshot", 2)).toMatchObject({ reason: "subscribe", entries: {} });
    await between(feed);
    packed.send({ type: "subscribe", id: 3, keys: [7] });
    expect(await packed.message("error", 3)).toMatchObject({ code: "invalid_message" });
    packed.socket.send("ping");
    await vi.waitFor(() => expect(packed.texts).toEqual(["pong"]));
  });

  test("[PACK1] gets an error for a frame that is not MessagePack, and stays open", async () => {
    const feed = newFeed();
    const packed = await (await PackedSubscriber.connect(feed)).reaches(0);
    await between(feed);
    packed.socket.send(new Uint8Array([0xc1]));
    await vi.waitFor(() => expect(packed.messages.at(-1)).toMatchObject({ type: "error", code: "invalid_message" }));
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
    expect(await storedTables(feed)).toEqual([]);
  });
});
