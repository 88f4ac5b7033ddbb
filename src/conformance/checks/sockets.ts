import { has, holds, same } from "../assertions.ts";
import { set } from "../encoding.ts";
import { check } from "../check.ts";

/** What a subscriber is told on a socket. */
export const SOCKETS = [
  check("publish", "hello comes first, then a snapshot, then live updates, without a gap", async (wire) => {
    const feed = wire.newFeed();
    const { epoch } = await wire.publish(feed, set("A", { n: 0 }));
    const socket = await wire.connect(feed);
    await socket.reaches(1);
    const [hello, snapshot] = socket.messages;
    has("hello", hello, { type: "hello", protocol: "tickertape.v1", feed, epoch, seq: 1 });
    has("the snapshot", snapshot, { type: "snapshot", reason: "initial", epoch, seq: 1, entries: { A: { n: 0 } } });
    for (let n = 1; n <= 10; n++) await wire.publish(feed, [{ key: "A", patch: { n } }, set(`K${n}`, { n })]);
    await socket.reaches(21);
    same("the view", socket.view.state(), await wire.entries(feed));
    for (const { type, time } of socket.messages.slice(2))
      same("what follows", [type, typeof time], ["update", "number"]);
  }),
  check("publish", "since: what was missed and nothing else, or a snapshot with its reason", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, [set("A", { n: 0 }), set("B", {})]);
    const before = await wire.connect(feed);
    await before.reaches(2);
    before.close();
    await wire.publish(feed, [
      { key: "A", patch: { n: 1 } },
      { key: "B", delete: true },
    ]);
    const after = await wire.connect(feed, `?since=${before.view.position}`, [], before.view);
    await after.reaches(4);
    holds(
      "no snapshot",
      after.messages.every(({ type }) => type !== "snapshot"),
      "none",
      after.messages,
    );
    same("the view", after.view.state(), { A: { n: 1 } });
    const still = await wire.connect(feed, `?since=${after.view.position}`, [], after.view);
    has("nothing missed", await still.message("update"), { from: 4, seq: 4, updates: [] });
    for (const [since, reason] of [
      ["another:1", "epoch_changed"],
      [`${after.view.epoch}:99`, "position_ahead"],
    ]) {
      has(since ?? "", await (await wire.connect(feed, `?since=${since}`)).message("snapshot"), { reason, seq: 4 });
    }
  }),
  check("publish", "a large snapshot comes in parts that make one whole", async (wire) => {
    const feed = wire.newFeed();
    const large = Array.from({ length: 1_800 }, (_, i) => set(`K${i}`, { text: "x".repeat(1_000) }));
    for (const first of [0, 900]) await wire.publish(feed, large.slice(first, first + 900));
    const socket = await wire.connect(feed);
    await socket.reaches(1_800);
    same("entries", socket.view.entries.size, 1_800);
    const more = socket.messages.filter(({ type }) => type === "snapshot").map(({ more }) => more === true);
    same("all but the last have more", more.indexOf(false), more.length - 1);
  }),
  check("publish", "keys: only what is selected is told", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, [set("A", {}), set("B", {})]);
    const socket = await wire.connect(feed, "?keys=A,tech.*");
    await socket.reaches(2);
    same("the snapshot", socket.view.state(), { A: {} });
    await wire.publish(feed, [set("B", { n: 1 }), set("tech.1", {})]);
    await wire.publish(feed, set("A", { last: true }));
    await socket.until("the last", () => socket.view.updates.some(({ set }) => set?.["last"] === true));
    same("keys", socket.view.keys, ["tech.1", "A"]);
  }),
  check("publish", "subscribe replaces the selection; its answer holds what is new in it", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, [set("A", {}), set("B", {}), set("C", {})]);
    const socket = await wire.connect(feed, "?keys=A,B");
    await socket.reaches(3);
    socket.send({ type: "subscribe", id: 11, keys: ["B", "C"] });
    const answer = await socket.message("snapshot", 11);
    has("the answer", answer, { reason: "subscribe", seq: 3, entries: { C: {} } });
    await wire.publish(feed, [set("A", { n: 1 }), set("C", { n: 1 })]);
    await socket.until("C", () => socket.view.updates.some(({ key }) => key === "C"));
    same("keys", socket.view.keys, ["C"]);
  }),
  check("publish", "mode=all: every update, in order, a batch in one message", async (wire) => {
    const feed = wire.newFeed();
    const socket = await wire.connect(feed, "?mode=all&hz=5");
    await socket.reaches(0);
    for (let b = 0; b < 4; b++) {
      const batch = Array.from({ length: 5 }, (_, i) => ({ key: "A", patch: { n: b * 5 + i } }));
      await wire.publish(feed, batch);
    }
    await socket.reaches(20);
    const seen = socket.view.updates.map(({ patch }) => patch?.["n"]);
    same("what it saw", seen, [...Array(20).keys()]);
    for (const { type, seq = 0 } of socket.messages) {
      if (type === "update") same("a batch's end", seq % 5, 0);
    }
  }),
  check("publish", "mode=latest: what waits together is merged, into hz messages a second", async (wire) => {
    const feed = wire.newFeed();
    const socket = await wire.connect(feed, "?hz=2");
    await socket.reaches(0);
    const began = performance.now();
    for (let n = 1; n <= 20; n++) {
      await wire.publish(feed, { key: "A", patch: { n, [`m${n % 3}`]: n } });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await socket.reaches(20);
    const times = socket.times.filter((_, i) => socket.messages[i]?.type === "update");
    // A message may be late, and the next one then seem early: none comes before all that are due by then could.
    const since = times.map((time) => Math.round(time - began));
    const apart = since.every((time, i) => time >= 500 * i - 100);
    holds("the times", apart, "half a second between two messages", since);
    const skipped = socket.messages.reduce((sum, message) => sum + (message.skipped ?? 0), 0);
    same("shown and merged away", socket.view.updates.length + skipped, 20);
    same("the view", socket.view.state(), await wire.entries(feed));
  }),
];
