import { has, same } from "../assertions.ts";
import { check } from "../check.ts";
import { View } from "../view.ts";

export const STREAMS = [
  check("publish", "an event is a message: event is its type, data the same JSON, id the position", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, { key: "A", set: { n: 1 } });
    const events = await wire.stream(feed);
    same("Content-Type", events.contentType.split(";")[0], "text/event-stream");
    await events.reaches(1);
    const { epoch } = await wire.publish(feed, { key: "A", patch: { n: 2 } });
    await events.reaches(2);
    const types = events.events.map(({ type }) => type);
    same("types", types, ["hello", "snapshot", "update"]);
    for (const { type, message } of events.events) same("its type", message.type, type);
    const ids = events.events.map(({ id }) => id);
    same("ids", ids, ["", `${epoch}:1`, `${epoch}:2`]);
    same("the view", events.view.state(), { A: { n: 2 } });
  }),
  check("publish", "Last-Event-ID resumes, and wins over since", async (wire) => {
    const feed = wire.newFeed();
    const { epoch } = await wire.publish(feed, { key: "A", set: { n: 1 } });
    await wire.publish(feed, { key: "B", set: {} });
    const events = await wire.stream(feed, `?since=another:7`, { "Last-Event-ID": `${epoch}:1` });
    events.view.seq = 1;
    await events.until("an update", () => events.events.some(({ type }) => type !== "hello"));
    has("it", events.events.at(-1)?.message, { type: "update", from: 1, seq: 2 });
  }),
  check("publish", "one position works on every transport", async (wire) => {
    const feed = wire.newFeed();
    await wire.publish(feed, { key: "A", set: { n: 1 } });
    const { headers } = await wire.read(feed);
    const position = (headers.get("ETag") ?? "").replaceAll('"', "");
    await wire.publish(feed, { key: "A", patch: { m: 2 } });
    const expected = { type: "update", from: 1, seq: 2, updates: [{ key: "A", patch: { m: 2 } }] };
    const from = new View();
    from.seq = 1;
    const socket = await wire.connect(feed, `?mode=all&since=${position}`, [], from);
    has("the socket", await socket.message("update"), expected);
    has("GET", (await wire.read(feed, `?mode=all&since=${position}`)).json, expected);
  }),
  check("publish", "keys, mode and hz are as on a socket", async (wire) => {
    const feed = wire.newFeed();
    const events = await wire.stream(feed, "?keys=A&mode=all&hz=10");
    await events.reaches(0);
    await wire.publish(feed, [
      { key: "B", set: {} },
      { key: "A", patch: { n: 1 } },
      { key: "A", patch: { n: 2 } },
    ]);
    await events.reaches(3);
    same("what it saw", events.view.updates, [
      { key: "A", patch: { n: 1 } },
      { key: "A", patch: { n: 2 } },
    ]);
  }),
];
