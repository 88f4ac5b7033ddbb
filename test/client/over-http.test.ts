import { beforeEach, describe, expect, test } from "vitest";
import { withQuery } from "../../src/client/feed-url.ts";
import { connectFeed } from "../../src/client/feed.ts";
import { events, polling } from "../../src/client/over-http.ts";
import type { Transport } from "../../src/client/transport.ts";
import type { Feed, FeedStatus } from "../../src/client/types.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { World } from "./support/world.ts";

let world: World;
/** Requests without an answer, oldest first. */
let asked: { url: URL; answer: (response: Response) => void }[];

beforeEach(() => {
  world = new World();
  asked = [];
});

function open(way: typeof events): { feed: Feed<JsonObject>; statuses: FeedStatus[] } {
  const runtime = {
    ...world.runtime,
    fetch: (url: URL) => new Promise<Response>((answer) => void asked.push({ url, answer })),
  };
  const transport: Transport = { open: (request, owner) => way({ ...request, runtime, withQuery }, owner) };
  const feed = connectFeed("http://feeds.test", "stocks", { keys: ["A"] }, { runtime, transports: [transport] });
  const statuses: FeedStatus[] = [];
  feed.on("status", (status) => void statuses.push(status));
  return { feed, statuses };
}

/** Lets time pass, and the client read what has come. */
async function pass(ms: number): Promise<void> {
  for (const step of [0, ms, 0]) {
    for (let i = 0; i < 5; i++) {
      world.promises();
      await world.pass(i === 0 ? step : 0);
    }
  }
}
async function answer(status: number, position: string, message?: object): Promise<void> {
  const body = message === undefined ? null : JSON.stringify(message);
  // Pings go to another URL.
  const request = asked.splice(
    asked.findIndex(({ url }) => url.pathname.startsWith("/v1")),
    1,
  )[0];
  request?.answer(new Response(body, { status, headers: { ETag: `W/"${position}"` } }));
  await pass(0);
}
const sinceOf = (): string | null | undefined =>
  asked.find(({ url }) => url.pathname.startsWith("/v1"))?.url.searchParams.get("since");
/** A response whose body the test writes. */
function slowResponse(init?: ResponseInit): { response: Response; write: (text: string) => void; end: () => void } {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given) });
  const write = (text: string): void => controller.enqueue(new TextEncoder().encode(text));
  return { response: new Response(body, init), write, end: () => controller.close() };
}
const hello = { type: "hello", epoch: "e1", seq: 5 };
const snapshot = { feed: "stocks", epoch: "e1", seq: 5, entries: { A: { n: 1 } } };

async function polled(): Promise<ReturnType<typeof open>> {
  const opened = open(polling);
  await answer(200, "e1:5", snapshot);
  await pass(300);
  return opened;
}

describe("long-polling", () => {
  test("[I2] an answer without a change moves the position along, so that the next change is no gap", async () => {
    const { feed, statuses } = await polled();
    expect([feed.state, sinceOf()]).toEqual(["live", "e1:5"]);
    await answer(204, "e1:9");
    expect(feed.position).toBe("e1:9");
    await pass(300);
    expect(sinceOf()).toBe("e1:9");
    const update = { type: "update", from: 9, seq: 10, time: 7, updates: [{ key: "A", patch: { m: 2 } }] };
    await answer(200, "e1:10", update);
    expect([feed.get("A"), feed.position]).toEqual([{ n: 1, m: 2 }, "e1:10"]);
    expect(statuses.map(({ state }) => state)).toEqual(["live"]);
  });

  test.each(["e1:5", "e1:4", "e2:9"])(
    "such an answer at %s, from which nothing can follow, does not move it",
    async (at) => {
      const { feed } = await polled();
      await answer(204, at);
      await pass(300);
      expect([feed.state, feed.position, sinceOf()]).toEqual(["live", "e1:5", "e1:5"]);
    },
  );

  test("a slow snapshot is waited for as long as more of it comes", async () => {
    const { feed } = open(polling);
    const { response, write, end } = slowResponse({ headers: { ETag: '"e1:5"' } });
    asked.shift()?.answer(response);
    for (const piece of JSON.stringify(snapshot).match(/.{1,10}/g) ?? []) {
      await pass(30_000);
      write(piece);
    }
    end();
    await pass(0);
    expect([feed.state, feed.get("A"), feed.counters.connections]).toEqual(["live", { n: 1 }, 1]);
  });
});

test("a server that says when to come back is not asked before, and its reason is shown", async () => {
  const { feed } = open(polling);
  const headers = { "Retry-After": "40", "Content-Type": "application/problem+json" };
  asked.shift()?.answer(new Response('{"detail":"Too many readers."}', { status: 429, headers }));
  await pass(0);
  expect(feed.status).toMatchObject({ state: "connecting", reason: "Too many readers. (4429)", code: 4429 });
  await pass(39_900);
  expect(asked).toHaveLength(0);
  await pass(200);
  expect(asked).toHaveLength(1);
});

describe("a stream of events", () => {
  test("of a feed that is removed ends for good, as a socket does", async () => {
    const { feed } = open(events);
    const messages = [
      hello,
      { ...snapshot, type: "snapshot", reason: "initial" },
      { type: "error", code: "not_found", message: "The feed was removed." },
    ];
    const text = messages.map((message) => `event: ${message.type}\ndata: ${JSON.stringify(message)}\n\n`);
    asked.shift()?.answer(new Response(text.join("")));
    await pass(0);
    expect(feed.status).toMatchObject({ state: "closed", reason: "the feed was removed (4404)", code: 4404 });
  });

  test.each([
    ["CRLF", "\r\n"],
    ["CR", "\r"],
  ])("with lines that end in %s, as a proxy may write them, is read wherever it is cut", async (_, end) => {
    const messages = [
      hello,
      { ...snapshot, type: "snapshot", reason: "initial" },
      { type: "update", from: 5, seq: 6, time: 7, updates: [{ key: "A", patch: { m: 2 } }] },
    ];
    const lines = messages.flatMap((message) => [`event: ${message.type}`, `data:${JSON.stringify(message)}`, ""]);
    const { feed } = open(events);
    const { response, write } = slowResponse();
    asked.shift()?.answer(response);
    for (const letter of `retry: 2000${end}${end}: alive${end}${lines.join(end)}${end}`) write(letter);
    for (let i = 0; i < 100; i++) await pass(0);
    expect([feed.state, feed.get("A"), feed.position]).toEqual(["live", { n: 1, m: 2 }, "e1:6"]);
  });

  test("whose events are held back counts as not open", async () => {
    const { feed, statuses } = open(events);
    const { response, write } = slowResponse();
    asked.shift()?.answer(response);
    write("retry: 2000\n\n: alive\n\n");
    await pass(4_100);
    expect([feed.counters.connections, statuses[0]?.reason]).toEqual([0, "the server does not answer"]);
  });

  test("with a slow event is waited for as long as more of it comes", async () => {
    const { feed } = open(events);
    const { response, write } = slowResponse();
    asked.shift()?.answer(response);
    write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`);
    const event = `event: snapshot\ndata: ${JSON.stringify({ ...snapshot, type: "snapshot", reason: "initial" })}\n\n`;
    for (const piece of event.match(/[^]{1,20}/g) ?? []) {
      await pass(30_000);
      write(piece);
    }
    await pass(0);
    expect([feed.state, feed.get("A"), feed.counters.connections]).toEqual(["live", { n: 1 }, 1]);
  });
});
