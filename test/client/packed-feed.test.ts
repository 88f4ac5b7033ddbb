import { beforeEach, describe, expect, test } from "vitest";
import { connectFeed } from "../../src/client/feed.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import type { Feed, MessageFormat } from "../../src/client/types.ts";
import type { Transport } from "../../src/client/transport.ts";
import { webSocketTransport } from "../../src/client/web-socket.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { MSGPACK_PROTOCOL } from "../../src/protocol/names.ts";
import { FakeServer } from "./support/fake-server.ts";
import { PackedSocket } from "./support/packed-socket.ts";
import { World } from "./support/world.ts";

let world: World;

beforeEach(() => {
  world = new World();
  PackedSocket.opened.length = 0;
});

async function open(format?: MessageFormat, token?: string, ...others: Transport[]): Promise<Feed<JsonObject>> {
  const transports = [webSocketTransport(PackedSocket as unknown as typeof WebSocket, format), ...others] as const;
  const feed = connectFeed("http://feeds.test", "stocks", { format, token }, { runtime: world.runtime, transports });
  await world.pass(100);
  return feed;
}
const socket = (): PackedSocket => PackedSocket.opened.at(-1)!;
function greet(): void {
  socket().say({ type: "hello", epoch: "e1", seq: 5 });
}
const snapshot = { type: "snapshot", epoch: "e1", seq: 5, reason: "initial", entries: { A: { n: 1.5 } } };

describe("a feed that asks for MessagePack", () => {
  test("offers its subprotocol, with a token beside it, and gets frames as bytes", async () => {
    await open(msgpack, "abc");
    expect(socket().protocols).toEqual([MSGPACK_PROTOCOL, "bearer.abc"]);
    expect(socket().binaryType).toBe("arraybuffer");
  });

  test("reads binary messages, and pongs as text; what it sends is JSON", async () => {
    const feed = await open(msgpack);
    greet();
    socket().say(snapshot);
    expect(socket().sent).toEqual(["ping"]);
    await world.pass(30);
    for (let i = 0; i < 2; i++) socket().text("pong");
    expect(feed.latency).toBe(30);
    socket().say({ type: "update", from: 5, seq: 6, updates: [{ key: "A", patch: { m: "ä" } }] });
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 1.5, m: "ä" }, "e1:6"]);
    void feed.select({ keys: ["B"] });
    expect(socket().sent.at(-1)).toBe('{"type":"subscribe","keys":["B"],"id":1}');
  });

  test("[PACK3] reads text frames as JSON: not every message can be written for all readers of MessagePack", async () => {
    const feed = await open(msgpack);
    greet();
    socket().say(snapshot);
    socket().text('{"type":"update","from":5,"seq":6,"updates":[{"key":"A","patch":{"__proto__":{"n":1}}}]}');
    expect(JSON.stringify(feed.get("A"))).toBe('{"n":1.5,"__proto__":{"n":1}}');
    socket().say({ type: "update", from: 6, seq: 7, updates: [{ key: "A", set: { n: 2 } }] });
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 2 }, "e1:7"]);
  });

  test("acknowledges after as many bytes as it does characters of JSON", async () => {
    await open(msgpack);
    greet();
    socket().say({ ...snapshot, entries: { A: { pad: "é".repeat(130_000) } } });
    expect(socket().sent).toEqual(["ping"]);
    socket().say({ type: "update", from: 5, seq: 6, updates: [{ key: "A", patch: { pad: "x".repeat(3_000) } }] });
    expect(socket().sent.at(-1)).toBe('{"type":"ack","seq":6}');
  });

  test("treats a malformed frame like text that is no JSON: it comes back", async () => {
    const feed = await open(msgpack);
    greet();
    socket().say(snapshot);
    socket().bytes(Uint8Array.from([0x81, 0xa4]));
    expect(feed.status).toMatchObject({ state: "recovering", code: undefined });
    await world.pass(2_000);
    expect(PackedSocket.opened).toHaveLength(2);
    expect(socket().url).toContain("since=e1%3A5");
    greet();
    expect([feed.state, feed.get("A")]).toEqual(["recovering", { n: 1.5 }]);
    socket().say({ type: "update", from: 5, seq: 5, updates: [] });
    expect(feed.state).toBe("live");
  });

  test("goes on with JSON, from its position, when another transport takes over", async () => {
    const other = new FakeServer(world);
    other.publish({ key: "A", set: { n: 1 } });
    const feed = await open(msgpack, undefined, other);
    socket().say({ type: "hello", epoch: "e1", seq: 1 });
    socket().say({ ...snapshot, seq: 1, entries: { A: { n: 1 } } });
    socket().end(1006);
    other.publish({ key: "A", patch: { m: 2 } });
    for (let attempt = 0; attempt < 2; attempt++) {
      await world.pass(10_000);
      socket().end(1006);
    }
    await world.pass(10_000);
    expect(other.link?.request.since).toBe("e1:1");
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 1, m: 2 }, "e1:2"]);
  });

  test("ignores a message that is no object, and types that it does not know", async () => {
    const feed = await open(msgpack);
    greet();
    socket().say(snapshot);
    for (const message of [null, 5, "x", [], { type: "news" }]) socket().say(message);
    expect(feed.state).toBe("live");
  });
});

test("a feed that speaks JSON ignores bytes", async () => {
  const feed = await open();
  expect(socket().protocols).toEqual(["tickertape.v1"]);
  socket().bytes(Uint8Array.from([0xc1]));
  socket().text('{"type":"hello","epoch":"e1","seq":5}');
  socket().text(JSON.stringify(snapshot));
  expect([feed.state, feed.get("A")]).toEqual(["live", { n: 1.5 }]);
});
