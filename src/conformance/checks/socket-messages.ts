import { decode } from "@msgpack/msgpack";
import { has, same } from "../assertions.ts";
import { bearer, set } from "../encoding.ts";
import { check, Unchecked } from "../check.ts";
import { statusOfUpgrade } from "../upgrade.ts";

const offering = (key: string | undefined): string[] => ["tickertape.v1", bearer(key ?? "")];

/** What a client says on a socket, and what it is answered. */
export const SOCKET_MESSAGES = [
  check("publish", "publish over a socket: a receipt with its id; a bad batch changes nothing", async (wire) => {
    const feed = wire.newFeed();
    const socket = await wire.connect(feed, "", offering(wire.readerKey ?? wire.publisher));
    same("the protocol", socket.protocol, "tickertape.v1");
    socket.send({ type: "publish", id: 7, updates: [set("A", { n: 1 })] });
    has("the receipt", await socket.message("receipt", 7), { seq: 1, accepted: 1, stale: 0 });
    socket.send({ type: "publish", id: 8, updates: [set("A", { n: 2 }), { key: "A" }] });
    const error = await socket.message("error", 8);
    same("the error", [error.code, error.issues?.[0]?.index], ["invalid_update", 1]);
    await socket.reaches(1);
    has("the feed", (await wire.read(feed)).json, { seq: 1, entries: { A: { n: 1 } } });
  }),
  check(
    "publish",
    "a publish with an idempotencyKey is repeated over a socket and by POST, and published once",
    async (wire) => {
      const feed = wire.newFeed();
      const socket = await wire.connect(feed, "", offering(wire.readerKey ?? wire.publisher));
      const send = (id: number, n: number, idempotencyKey: string): void =>
        socket.send({ type: "publish", id, updates: [set("A", { n })], idempotencyKey });
      send(1, 1, "order-1");
      has("the receipt", await socket.message("receipt", 1), { seq: 1, replayed: undefined });
      send(2, 1, "order-1");
      has("the repeat's", await socket.message("receipt", 2), { seq: 1, replayed: true });
      send(3, 2, "order-1");
      has("with another body", await socket.message("error", 3), { code: "idempotency_mismatch" });
      if (wire.readerKey === undefined) {
        const repeat = await wire.post(feed, set("A", { n: 1 }), { "Idempotency-Key": "order-1" });
        has("the repeat by POST", repeat.json, { seq: 1 });
        same("replayed", repeat.headers.get("Idempotency-Replayed"), "true");
        await wire.post(feed, set("A", { n: 3 }), { "Idempotency-Key": "order-2" });
        send(4, 3, "order-2");
        has("the repeat of a POST", await socket.message("receipt", 4), { seq: 2, replayed: true });
      }
      send(5, 1, "");
      has("an empty key", await socket.message("error", 5), { code: "invalid_message" });
    },
  ),
  check("nothing", "a publish over a socket without the right to: an error, forbidden", async (wire) => {
    if (wire.readerKey !== undefined)
      throw new Unchecked("reading needs a credential there, and the only one may publish");
    const socket = await wire.connect(wire.newFeed());
    socket.send({ type: "publish", id: 1, updates: [set("A", {})] });
    has("the error", await socket.message("error", 1), { code: "forbidden" });
  }),
  check("nothing", "a bad message gets an error with its id, and the socket stays open", async (wire) => {
    const socket = await wire.connect(wire.newFeed());
    const bad: [unknown, number | undefined][] = [
      ["{", undefined],
      [{ type: "nothing", id: 1 }, 1],
      [{ type: "subscribe", id: 2, keys: [7] }, 2],
      [{ type: "subscribe", id: 3, hz: 0 }, 3],
      [{ type: "subscribe", id: 4, typo: 1 }, 4],
      [{ type: "ack", id: 5, seq: -1 }, 5],
    ];
    for (const [message] of bad) socket.send(message);
    for (const [, id] of bad) has("the error", await socket.message("error", id), { code: "invalid_message" });
    socket.send("ping");
    await socket.until("pong", () => socket.texts.includes("pong"));
  }),
  check("nothing", "a client that keeps sending bad messages is closed with 4400", async (wire) => {
    const socket = await wire.connect(wire.newFeed());
    for (let i = 0; i < 200 && socket.closed === undefined; i++) {
      socket.send("bad");
      if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await socket.until("a close", () => socket.closed !== undefined);
    same("the code", socket.closed, 4400);
  }),
  check("nothing", "a message that is too large closes with 1009", async (wire) => {
    const socket = await wire.connect(wire.newFeed());
    socket.send(JSON.stringify({ type: "auth", token: "x".repeat(2 * 1024 * 1024) }));
    await socket.until("a close", () => socket.closed !== undefined);
    same("the code", socket.closed, 1009);
  }),
  check("nothing", "only unknown subprotocols: 400; MessagePack comes in binary frames", async (wire) => {
    const feed = wire.newFeed();
    const query = wire.readerKey === undefined ? "" : `?token=${wire.readerKey}`;
    const offer = { "Sec-WebSocket-Protocol": "tickertape.v9" };
    same("unknown", await statusOfUpgrade(`${wire.url}/v1/feeds/${feed}${query}`, offer), 400);
    const socket = await wire.connect(feed, "", ["tickertape.v1.msgpack"]);
    same("the protocol", socket.protocol, "tickertape.v1.msgpack");
    await socket.until("two frames", () => socket.frames.length >= 2);
    has("the first", decode(socket.frames[0] ?? []), { type: "hello" });
    same("no text", socket.messages.length, 0);
  }),
  check("publish", "auth: a good token is authorized, an unknown one closes with 4401", async (wire) => {
    const feed = wire.newFeed();
    const socket = await wire.connect(feed);
    if (wire.readerKey === undefined) {
      socket.send({ type: "auth", id: 2, token: wire.publisher });
      await socket.message("authorized", 2);
      socket.send({ type: "publish", id: 3, updates: [set("A", {})] });
      await socket.message("receipt", 3);
    }
    socket.send({ type: "auth", id: 4, token: "unknown" });
    await socket.until("a close", () => socket.closed !== undefined);
    same("the code", socket.closed, 4401);
  }),
];
