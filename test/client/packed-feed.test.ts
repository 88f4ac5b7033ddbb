import { beforeEach, describe, expect, test } from "vitest";
import { msgpack } from "../../src/client/msgpack.ts";
import type { Feed, MessageFormat } from "../../src/client/types.ts";
import type { Transport } from "../../src/client/transport.ts";
import { webSocketTransport } from "../../src/client/web-socket.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { MSGPACK_PROTOCOL } from "../../src/protocol/names.ts";
import { FakeServer } from "./support/fake-server.ts";
import { FakeSocket, Socket } from "./support/fake-socket.ts";
import { World } from "./support/world.ts";

let world: World;

beforeEach(() => {
  world = new World();
  FakeSocket.opened.length = 0;
});

async function open(format?: MessageFormat, token?: string, ...others: Transport[]): Promise<Feed<JsonObject>> {
  const feed = world.connect({ format, token }, webSocketTransport(Socket, format), ...others);
  await world.pass(100);
  return feed;
}
const hello = { type: "hello", epoch: "e1", seq: 5 };
const snapshot = { type: "snapshot", epoch: "e1", seq: 5, reason: "initial", entries: { A: { n: 1.5 } } };

describe("a feed that asks for MessagePack", () => {
  test("offers its subprotocol, with a token beside it, and gets frames as bytes", async () => {
    await open(msgpack, "abc");
    expect(FakeSocket.last.protocols).toEqual([MSGPACK_PROTOCOL, "bearer.abc"]);
    expect(FakeSocket.last.binaryType).toBe("arraybuffer");
  });

  test("reads binary messages, and pongs as text; what it sends is JSON", async () => {
    const feed = await open(msgpack);
    FakeSocket.last.sayPacked(hello, snapshot);
    expect(FakeSocket.last.sent).toEqual(["ping"]);
    await world.pass(30);
    FakeSocket.last.text("pong", "pong");
    expect(feed.latency).toBe(30);
    FakeSocket.last.sayPacked({ type: "update", from: 5, seq: 6, updates: [{ key: "A", patch: { m: "ä" } }] });
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 1.5, m: "ä" }, "e1:6"]);
    void feed.select({ keys: ["B"] });
    expect(FakeSocket.last.sent.at(-1)).toBe('{"type":"subscribe","keys":["B"],"id":1}');
  });

  test("[PACK3] reads text frames as JSON: not every message can be written for all readers of MessagePack", async () => {
    const feed = await open(msgpack);
    FakeSocket.last.sayPacked(hello, snapshot);
    FakeSocket.last.text('{"type":"update","from":5,"seq":6,"updates":[{"key":"A","patch":{"__proto__":{"n":1}}}]}');
    expect(JSON.stringify(feed.get("A"))).toBe('{"n":1.5,"__proto__":{"n":1}}');
    FakeSocket.last.sayPacked({ type: "update", from: 6, seq: 7, updates: [{ key: "A", set: { n: 2 } }] });
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 2 }, "e1:7"]);
  });

  test("acknowledges after as many bytes as it does characters of JSON", async () => {
    await open(msgpack);
    FakeSocket.last.sayPacked(hello, { ...snapshot, entries: { A: { pad: "é".repeat(130_000) } } });
    expect(FakeSocket.last.sent).toEqual(["ping"]);
    FakeSocket.last.sayPacked({
      type: "update",
      from: 5,
      seq: 6,
      updates: [{ key: "A", patch: { pad: "x".repeat(3_000) } }],
    });
    expect(FakeSocket.last.sent.at(-1)).toBe('{"type":"ack","seq":6}');
  });

  test("treats a malformed frame like text that is no JSON: it comes back", async () => {
    const feed = await open(msgpack);
    FakeSocket.last.sayPacked(hello, snapshot);
    FakeSocket.last.bytes(Uint8Array.from([0x81, 0xa4]));
    expect(feed.status).toMatchObject({ state: "recovering", code: undefined });
    await world.pass(2_000);
    expect(FakeSocket.opened).toHaveLength(2);
    expect(FakeSocket.last.url).toContain("since=e1%3A5");
    FakeSocket.last.sayPacked(hello);
    expect([feed.state, feed.get("A")]).toEqual(["recovering", { n: 1.5 }]);
    FakeSocket.last.sayPacked({ type: "update", from: 5, seq: 5, updates: [] });
    expect(feed.state).toBe("live");
  });

  test("goes on with JSON, from its position, when another transport takes over", async () => {
    const other = new FakeServer(world);
    other.publish({ key: "A", set: { n: 1 } });
    const feed = await open(msgpack, undefined, other);
    FakeSocket.last.sayPacked({ ...hello, seq: 1 }, { ...snapshot, seq: 1, entries: { A: { n: 1 } } });
    FakeSocket.last.end(1006);
    other.publish({ key: "A", patch: { m: 2 } });
    for (let attempt = 0; attempt < 2; attempt++) {
      await world.pass(10_000);
      FakeSocket.last.end(1006);
    }
    await world.pass(10_000);
    expect(other.link?.request.since).toBe("e1:1");
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 1, m: 2 }, "e1:2"]);
  });
});

test("a feed that speaks JSON ignores bytes", async () => {
  const feed = await open();
  expect(FakeSocket.last.protocols).toEqual(["tickertape.v1"]);
  FakeSocket.last.bytes(Uint8Array.from([0xc1]));
  FakeSocket.last.say(hello, snapshot);
  expect([feed.state, feed.get("A")]).toEqual(["live", { n: 1.5 }]);
});
