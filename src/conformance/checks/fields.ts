import { has, member, same } from "../assertions.ts";
import { set } from "../encoding.ts";
import { check } from "../check.ts";
import type { Wire } from "../wire.ts";

const QUOTE = { last: 1, bid: 2, name: "x" };

/** A feed with A, which has the fields that are asked for, and B, which has none of them. */
async function filled(wire: Wire): Promise<{ feed: string; since: string }> {
  const feed = wire.newFeed();
  const { epoch, seq } = await wire.publish(feed, [set("A", QUOTE), set("B", { name: "y" })]);
  return { feed, since: `${epoch}:${seq}` };
}

export const FIELDS = [
  check("publish", "fields: a snapshot has only these members, and {} for an entry with none of them", async (wire) => {
    const { feed } = await filled(wire);
    for (const [fields, entries] of [
      ["last,bid", { A: { last: 1, bid: 2 }, B: {} }],
      ["bid,last,bid", { A: { last: 1, bid: 2 }, B: {} }],
      ["name", { A: { name: "x" }, B: { name: "y" } }],
      ["none", { A: {}, B: {} }],
    ] as const) {
      same(fields, member((await wire.read(feed, `?fields=${fields}`)).json, "entries"), entries);
    }
    const many = Array.from({ length: 64 }, (_, i) => `f${i}`.padEnd(128, "x"));
    same("64 names of 128 characters", (await wire.read(feed, `?fields=${many.join()}`)).status, 200);
  }),
  check("publish", "fields on a socket: no patch of others, whatever makes an entry, cut", async (wire) => {
    const { feed } = await filled(wire);
    const socket = await wire.connect(feed, "?fields=last,bid&mode=all");
    await socket.reaches(2);
    await wire.publish(feed, { key: "A", patch: { name: "z" } });
    await wire.publish(feed, [
      { key: "A", patch: { last: 3, name: "z" } },
      { key: "B", delete: true },
      { key: "B", patch: { name: "z" } },
      { key: "C", patch: { name: "z" } },
      set("D", { name: "z" }),
      set("E", QUOTE),
    ]);
    await socket.reaches(9);
    const first = socket.messages.find(({ type }) => type === "update");
    has("the first update", first, { from: 2, seq: 9 });
    same("what it was told", socket.view.updates, [
      { key: "A", patch: { last: 3 } },
      { key: "B", delete: true },
      { key: "B", patch: {} },
      { key: "C", patch: {} },
      { key: "D", set: {} },
      { key: "E", set: { last: 1, bid: 2 } },
    ]);
  }),
  check("publish", "fields with since: a view with them is the whole view, cut, over every transport", async (wire) => {
    const { feed, since } = await filled(wire);
    const before = await wire.connect(feed, "?fields=last,bid");
    await before.reaches(2);
    await wire.publish(feed, [
      { key: "A", patch: { last: null, bid: { at: 1 }, name: "z" } },
      { key: "B", patch: { last: 5 } },
    ]);
    const expected = { A: { bid: { at: 1 } }, B: { last: 5 } };
    for (const mode of ["latest", "all"]) {
      const query = `?fields=last,bid&mode=${mode}&since=${since}`;
      const socket = await wire.connect(feed, query, [], before.view);
      await socket.reaches(4);
      same(`a socket, ${mode}`, socket.view.state(), expected);
      const events = await wire.stream(feed, query);
      events.view.resume(socket.view);
      events.view.seq = 2;
      await events.reaches(4);
      same(`a stream, ${mode}`, events.view.state(), expected);
    }
    const { json } = await wire.read(feed, `?fields=bid&mode=all&since=${since}`);
    has("GET", json, { from: 2, seq: 4, updates: [{ key: "A", patch: { bid: { at: 1 } } }] });
  }),
  check("publish", "fields with wait: a patch of others does not answer it", async (wire) => {
    const { feed, since } = await filled(wire);
    const waiting = wire.read(feed, `?fields=last&mode=all&since=${since}&wait=10`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await wire.publish(feed, { key: "A", patch: { name: "z" } });
    await wire.publish(feed, { key: "A", patch: { last: 3 } });
    has("the answer", (await waiting).json, { from: 2, seq: 4, updates: [{ key: "A", patch: { last: 3 } }] });
    same("of others alone", (await wire.read(feed, `?fields=bid&mode=all&since=${since}&wait=0`)).status, 204);
  }),
  check("publish", "subscribe with other fields: its answer holds all that is selected now", async (wire) => {
    const { feed } = await filled(wire);
    const socket = await wire.connect(feed, "?fields=last");
    await socket.reaches(2);
    socket.send({ type: "subscribe", id: 12, keys: ["A"], fields: ["name", "bid"] });
    const answer = await socket.message("snapshot", 12);
    has("the answer", answer, { reason: "subscribe", entries: { A: { bid: 2, name: "x" } } });
    socket.send({ type: "subscribe", id: 13 });
    has("all", await socket.message("snapshot", 13), { entries: { A: QUOTE, B: { name: "y" } } });
    socket.send({ type: "subscribe", id: 14, fields: ["a,b"] });
    has("a bad name", await socket.message("error", 14), { code: "invalid_message" });
  }),
];
