import { encode as pack } from "@msgpack/msgpack";
import { has, member, same } from "../assertions.ts";
import { bearer, gzip, set } from "../encoding.ts";
import { check } from "../check.ts";
import { refused } from "../wire.ts";

const PACKED = { "Content-Type": "application/msgpack" };

const says = (word: string) => (frame: Uint8Array) => new TextDecoder().decode(frame).includes(word);

/** What is published as MessagePack. */
export const PACKED_PUBLISH = [
  check("publish", "MessagePack is read as application/msgpack, and says what JSON says", async (wire) => {
    const feed = wire.newFeed();
    const value = { n: 191.25, i: -7, big: 1e20, text: "\u00fc".repeat(300), is: [true, null, { a: { b: [] } }] };
    const many = Array.from({ length: 20 }, (_, i) => set(`K${i}`, { i }));
    const batch = [set("A", value), ...many, { key: "K0", delete: true }];
    has("one update", (await wire.post(feed, pack(set("A", {})), PACKED)).json, { feed, seq: 1, accepted: 1 });
    has("a batch", (await wire.post(feed, pack(batch), PACKED)).json, { seq: 23, accepted: 22 });
    const compressed = await gzip(pack({ key: "A", patch: { zipped: true } }));
    has("gzip", (await wire.post(feed, compressed, { ...PACKED, "Content-Encoding": "gzip" })).json, { seq: 24 });
    const { json } = await wire.read(feed, "?keys=A,K0,K19");
    has("the snapshot", json, { seq: 24, entries: { A: { ...value, zipped: true }, K19: { i: 19 } } });
  }),
  check("publish", "no MessagePack, or what JSON cannot say: 400 invalid_json; no update: 422", async (wire) => {
    const feed = wire.newFeed();
    const good = pack(set("A", { n: 1 }));
    const bad: [what: string, bytes: Iterable<number>][] = [
      ["nothing", []],
      ["the half of it", good.slice(0, -1)],
      ["more after it", [...good, 0xc0]],
      ["a length that is not there", [0xdd, 0x7f, 0xff, 0xff, 0xff]],
      ["bytes", [...good.slice(0, -1), 0xc4, 1, 0]],
      ["an extension", [...good.slice(0, -1), 0xd4, 1, 0]],
      ["a time", [...good.slice(0, -1), 0xd6, 0xff, 0, 0, 0, 0]],
      ["a name that is no string", [0x81, 1, 1]],
    ];
    for (const [what, bytes] of bad)
      refused(what, await wire.post(feed, Uint8Array.from(bytes), PACKED), 400, "invalid_json");
    refused("an unknown member", await wire.post(feed, pack({ key: "A", sett: {} }), PACKED), 422, "invalid_update");
    same("seq", member((await wire.read(feed)).json, "seq"), 0);
  }),
  check("publish", "publish over a socket of MessagePack, in a binary frame", async (wire) => {
    const feed = wire.newFeed();
    const credential = bearer(wire.readerKey ?? wire.publisher ?? "");
    const socket = await wire.connect(feed, "", ["tickertape.v1.msgpack", credential]);
    socket.send(pack({ type: "publish", id: 7, updates: [set("A", { n: 1.5 })] }));
    await socket.until("a receipt", () => socket.frames.some(says("receipt")));
    await socket.until("the update", () => socket.frames.some(says("updates")));
    has("the feed", (await wire.read(feed)).json, { seq: 1, entries: { A: { n: 1.5 } } });
  }),
];
