import { has, holds, member, same } from "../assertions.ts";
import { check } from "../check.ts";
import { refused, type Wire } from "../wire.ts";

/** A feed with A, B and tech.1 in it, and its position. */
async function filled(wire: Wire): Promise<{ feed: string; position: string; epoch: string; seq: number }> {
  const feed = wire.newFeed();
  const keys = ["A", "B", "tech.1"];
  const { epoch, seq } = await wire.publish(
    feed,
    keys.map((key) => ({ key, set: { key } })),
  );
  return { feed, position: `${epoch}:${seq}`, epoch, seq };
}

const keysOf = (json: unknown): string[] => Object.keys(member(json, "entries") ?? {}).toSorted();

const seqs = (json: unknown): unknown[] =>
  ((member(json, "updates") ?? []) as unknown[]).map((update) => member(update, "seq"));

/** How the reset of one who is no administrator is refused. */
const refusalOf = ({ publishKey }: Wire): [status: number, code: string] =>
  publishKey === undefined ? [401, "unauthorized"] : [403, "forbidden"];

export const READING = [
  check("nothing", "a feed that was never published to is an empty snapshot", async (wire) => {
    const feed = wire.newFeed();
    has("the snapshot", (await wire.read(feed)).json, { feed, seq: 0, entries: {} });
  }),
  check("publish", "a snapshot has its position as ETag, and 304 for a client that has it", async (wire) => {
    const { feed, position } = await filled(wire);
    const { status, headers } = await wire.read(feed);
    same("status", status, 200);
    same("ETag", headers.get("ETag"), `"${position}"`);
    const again = await wire.read(feed, "", { "If-None-Match": `"${position}"` });
    same("known", [again.status, again.text, again.headers.get("ETag")], [304, "", `"${position}"`]);
    await wire.publish(feed, { key: "A", set: {} });
    same("after a change", (await wire.read(feed, "", { "If-None-Match": `"${position}"` })).status, 200);
  }),
  check("publish", "time: when the feed last changed, and 0 where it never did", async (wire) => {
    const before = Date.now();
    const { feed } = await filled(wire);
    const time = Number(member((await wire.read(feed)).json, "time"));
    holds("the snapshot's", Math.abs(time - before) < 3_600_000, "about now", time);
    const socket = await wire.connect(feed);
    for (const type of ["hello", "snapshot"]) same(`${type}'s`, member(await socket.message(type), "time"), time);
    const never = wire.newFeed();
    same("of none", member((await wire.read(never)).json, "time"), 0);
    same("hello's of none", member(await (await wire.connect(never)).message("hello"), "time"), 0);
  }),
  check("publish", "keys selects exact keys and prefix*", async (wire) => {
    const { feed } = await filled(wire);
    for (const [query, keys] of [
      ["A,B", ["A", "B"]],
      ["tech.*", ["tech.1"]],
      ["A,te*", ["A", "tech.1"]],
      ["*", ["A", "B", "tech.1"]],
      ["none", []],
    ] as const) {
      same(query, keysOf((await wire.read(feed, `?keys=${encodeURIComponent(query)}`)).json), keys);
    }
  }),
  check("publish", "since: an update message of what changed, empty where nothing did", async (wire) => {
    const { feed, position, seq } = await filled(wire);
    const nothing = await wire.read(feed, `?since=${position}`);
    has("nothing", nothing.json, { type: "update", from: seq, seq, updates: [] });
    await wire.publish(feed, [
      { key: "A", patch: { n: 1 } },
      { key: "B", delete: true },
    ]);
    const { json } = await wire.read(feed, `?since=${position}`);
    has("what changed", json, { type: "update", from: seq, seq: seq + 2 });
    const changed = ((member(json, "updates") ?? []) as unknown[]).map((update) => String(member(update, "key")));
    same("its keys", [...new Set(changed)].toSorted(), ["A", "B"]);
    const all = await wire.read(feed, `?since=${position}&mode=all`);
    has("mode=all", all.json, {
      updates: [
        { key: "A", patch: { n: 1 } },
        { key: "B", delete: true },
      ],
    });
    has("of others", (await wire.read(feed, `?since=${position}&keys=tech.*`)).json, { updates: [], seq: seq + 2 });
  }),
  check("publish", "since where that cannot be: a snapshot message with its reason", async (wire) => {
    const { feed, epoch, seq } = await filled(wire);
    const other = await wire.read(feed, `?since=another:${seq}`);
    has("another epoch", other.json, { type: "snapshot", reason: "epoch_changed", epoch, seq });
    same("its entries", keysOf(other.json), ["A", "B", "tech.1"]);
    const ahead = await wire.read(feed, `?since=${epoch}:${seq + 9}`);
    has("ahead", ahead.json, { type: "snapshot", reason: "position_ahead", seq });
  }),
  check("publish", "wait: answered as soon as something selected changes", async (wire) => {
    const { feed, position, seq } = await filled(wire);
    const began = performance.now();
    const waiting = wire.read(feed, `?since=${position}&wait=10&keys=A&mode=all`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await wire.publish(feed, { key: "B", set: {} });
    await wire.publish(feed, { key: "A", patch: { n: 1 } });
    const { status, json } = await waiting;
    same("status", status, 200);
    has("the answer", json, { type: "update", from: seq, seq: seq + 2, updates: [{ key: "A", patch: { n: 1 } }] });
    holds("it came", performance.now() - began < 5_000, "soon", `${performance.now() - began} ms`);
    const at = performance.now();
    same("what is there already", (await wire.read(feed, `?since=${position}&wait=10`)).status, 200);
    holds("it came", performance.now() - at < 5_000, "at once", `${performance.now() - at} ms`);
  }),
  check("publish", "wait: 204 when the time is up", async (wire) => {
    const { feed, position } = await filled(wire);
    const began = performance.now();
    const { status, text } = await wire.read(feed, `?since=${position}&wait=1`);
    same("the answer", [status, text], [204, ""]);
    holds("it came", performance.now() - began > 900, "after a second", `${performance.now() - began} ms`);
  }),
  check("publish", "history: a key's updates, oldest first, the newest limit before `before`", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, { key: "A", set: { n: 0 }, time: 1_700_000_000_000 });
    for (let n = 1; n < 5; n++)
      await wire.publish(feed, [
        { key: "A", patch: { n } },
        { key: "B", set: {} },
      ]);
    const read = async (query: string): Promise<unknown> =>
      (await wire.call(`/v1/feeds/${feed}/history?key=A${query}`)).json;
    const all = await read("");
    has("all", all, { feed, key: "A", more: false });
    same("its seqs", seqs(all), [1, 2, 4, 6, 8]);
    const [first, second] = (member(all, "updates") ?? []) as unknown[];
    same("the publisher's time", first, { seq: 1, time: 1_700_000_000_000, set: { n: 0 } });
    has("the next", second, { patch: { n: 1 } });
    same("the server's time", typeof member(second, "time"), "number");
    const page = await read("&limit=2&before=8");
    same("a page", [seqs(page), member(page, "more")], [[4, 6], true]);
  }),
  check("publish", "stats has at least feed, epoch, seq, keys and subscribers", async (wire) => {
    const { feed, epoch, seq } = await filled(wire);
    const socket = await wire.connect(feed);
    await socket.message("snapshot");
    has("stats", (await wire.call(`/v1/feeds/${feed}/stats`)).json, { feed, epoch, seq, keys: 3, subscribers: 1 });
  }),
  check("publish", "the list has the feeds that were published to, and no others", async (wire) => {
    const { feed, seq } = await filled(wire);
    const never = wire.newFeed();
    await wire.read(never);
    const found = new Map<unknown, unknown>();
    for (let query = ""; ;) {
      const { json, status } = await wire.call(`/v1/feeds${query}`);
      same("status", status, 200);
      for (const one of (member(json, "feeds") ?? []) as unknown[]) found.set(member(one, "feed"), one);
      const next = member(json, "next");
      if (typeof next !== "string") break;
      query = `?after=${next}`;
    }
    same("the feed", found.get(feed), { feed, seq, keys: 3, subscribers: 0 });
    same("one that was only read", found.has(never), false);
  }),
  check("publish", "HEAD works where GET does", async (wire) => {
    const { feed } = await filled(wire);
    for (const path of [
      `/v1/feeds/${feed}`,
      `/v1/feeds/${feed}/stats`,
      `/v1/feeds/${feed}/history?key=A`,
      "/v1/feeds",
    ]) {
      const [head, get] = await Promise.all([wire.call(path, { method: "HEAD" }), wire.call(path)]);
      same(`HEAD ${path}`, [head.status, head.text], [200, ""]);
      for (const name of ["ETag", "Content-Type"])
        same(`${name} of ${path}`, head.headers.get(name), get.headers.get(name));
    }
  }),
  check("admin", "DELETE resets: no entries, a new epoch, seq 0; an old position gets a snapshot", async (wire) => {
    const { feed, epoch, position } = await filled(wire);
    const socket = await wire.connect(feed);
    await socket.reaches(3);
    const { status, json } = await wire.call(`/v1/feeds/${feed}`, { method: "DELETE" }, wire.adminKey);
    same("status", status, 200);
    has("the answer", json, { feed, seq: 0 });
    holds("its epoch", member(json, "epoch") !== epoch, "another one", epoch);
    has("since", (await wire.read(feed, `?since=${position}`)).json, {
      type: "snapshot",
      reason: "epoch_changed",
      entries: {},
    });
    await socket.until("a reset", () => socket.messages.at(-1)?.reason === "reset");
    same("who watches", [socket.view.state(), socket.view.seq], [{}, 0]);
    same("history", member((await wire.call(`/v1/feeds/${feed}/history?key=A`)).json, "updates"), []);
  }),
  check("admin", "DELETE with forget=true removes a feed and its name, and may be repeated", async (wire) => {
    const { feed, position } = await filled(wire);
    const path = `/v1/feeds/${feed}?forget=true`;
    refused("a publisher's", await wire.call(path, { method: "DELETE" }, wire.publishKey ?? null), ...refusalOf(wire));
    for (const what of ["the first", "a repeat"]) {
      same(what, (await wire.call(path, { method: "DELETE" }, wire.adminKey)).status, 200);
    }
    same("the list", (await wire.call("/v1/feeds")).text.includes(`"${feed}"`), false);
    has("what is left", (await wire.read(feed)).json, { feed, seq: 0, entries: {} });
    has("since", (await wire.read(feed, `?since=${position}`)).json, { type: "snapshot", seq: 0, entries: {} });
    has("made again", await wire.publish(feed, { key: "A", set: {} }), { seq: 1 });
  }),
  check("nothing", "healthz answers; the documents of the API are there", async (wire) => {
    for (const path of ["/healthz", "/openapi.json", "/asyncapi.json"]) same(path, (await wire.call(path)).status, 200);
    same("openapi", String(member((await wire.call("/openapi.json")).json, "openapi")).startsWith("3."), true);
    refused("metrics", await wire.call("/metrics", {}, null), 401, "unauthorized");
  }),
];
