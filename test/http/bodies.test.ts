import { describe, expect, test, vi } from "vitest";
import { bearer, newFeed, post, PUBLISH_KEY, request, snapshot } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { gzip, hasObject, problem } from "../support/http.ts";

const MIB = 1024 * 1024;
const GOOD = '{"key":"A","set":{"p":1}}';

function encode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text));
}

/** A good body of exactly so many bytes. */
function bodyOf(bytes: number): Uint8Array<ArrayBuffer> {
  return encode(GOOD.padStart(GOOD.length + 7).padEnd(bytes));
}

function inChunks(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < bytes.length; i += 65_536) controller.enqueue(bytes.slice(i, i + 65_536));
      controller.close();
    },
  });
}

function send(feed: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> {
  return request(`/v1/feeds/${feed}`, {
    method: "POST",
    headers: { ...bearer(PUBLISH_KEY), "Content-Type": "application/json", ...headers },
    body,
  });
}

const GZIP = { "Content-Encoding": "gzip" };
/** The ways in which the same body can be sent. */
const WAYS: [how: string, send: (feed: string, body: Uint8Array<ArrayBuffer>) => Promise<Response>][] = [
  ["with a Content-Length", send],
  ["in chunks, without a Content-Length", (feed, body) => send(feed, inChunks(body))],
  ["as gzip", async (feed, body) => send(feed, await gzip(body), GZIP)],
  ["as gzip in chunks", async (feed, body) => send(feed, inChunks(await gzip(body)), GZIP)],
];

describe.each(WAYS)("[PUB10] a body sent %s", (_, send) => {
  test("may have exactly 1 MiB, and not one byte more", async () => {
    const [feed, other] = [newFeed(), newFeed()];
    expect((await send(feed, bodyOf(MIB))).status).toBe(200);
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 } });
    await problem(await send(other, bodyOf(MIB + 1)), "too_large");
    expect(await hasObject(other)).toBe(false);
  });
});

/** The ways in which a Worker can send a body to another: there what Content-Length says need not be true. */
const FROM_WORKERS: [how: string, body: (bytes: Uint8Array<ArrayBuffer>) => BodyInit][] = [
  ["text", (bytes) => new TextDecoder().decode(bytes)],
  ["bytes", (bytes) => bytes],
  ["a stream", (bytes) => new Response(bytes).body!],
  ["a stream of chunks", inChunks],
];

describe.each(FROM_WORKERS)("a false Content-Length of a body sent as %s", (_, body) => {
  test.each(["0", "1", String(GOOD.length), String(MIB)])("does not lift the limit: %s", async (length) => {
    const feed = newFeed();
    await problem(await send(feed, body(bodyOf(MIB + 1)), { "Content-Length": length }), "too_large");
    expect(await hasObject(feed)).toBe(false);
  });

  test("does not have a good body refused", async () => {
    const feed = newFeed();
    for (const length of ["0", "1", String(MIB), "x", "-1"]) {
      const response = await send(feed, body(encode(GOOD)), { "Content-Length": length });
      expect(await response.json(), length).toMatchObject({ accepted: 1 });
    }
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 } });
  });
});

test("a body that is not UTF-8 does not spoil the next one", async () => {
  const feed = newFeed();
  for (const tail of [[0xe2, 0x82], [0xff], [0xf0, 0x9f]]) {
    const bad = Uint8Array.from([...new TextEncoder().encode(GOOD), ...tail]);
    await problem(await post(feed, bad), "invalid_json");
    expect((await post(feed, `\ufeff${GOOD}`)).status).toBe(200);
  }
});

test("a body that never ends is not waited for", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    const feed = newFeed();
    const app = appWith({ PUBLISH_KEY: "publish-key" });
    const { promise: reading, resolve: pulled } = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode(GOOD.slice(0, 5))),
      pull: () => {
        pulled();
        return new Promise(() => {});
      },
    });
    const headers = { Authorization: "Bearer publish-key", "Content-Type": "application/json" };
    const answer = app(`/v1/feeds/${feed}`, { method: "POST", headers, body });
    await reading;
    await vi.advanceTimersByTimeAsync(30_000);
    expect((await problem(await answer, "invalid_json")).detail).toContain("30 seconds");
    expect(await hasObject(feed)).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("[MSG5] [I7] bodies that are refused count for their caller like those that are accepted, and for no other caller", async () => {
  const app = appWith({ PUBLISH_KEY: "publish-key,publish-key-next", PUBLISH_BURST: "40", PUBLISH_RATE: "1" });
  const post = async (key: string, body: string): Promise<number> => {
    const headers = { ...bearer(key), "Content-Type": "application/json" };
    return (await app(`/v1/feeds/${newFeed()}`, { method: "POST", headers, body })).status;
  };
  const bad = `[${" ".repeat(320_000)}0]`;
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push(await post("publish-key", bad));
  expect(statuses).toEqual([422, 429, 429]);
  expect(await post("publish-key-next", '{"key":"A","set":{}}')).toBe(200);
});
