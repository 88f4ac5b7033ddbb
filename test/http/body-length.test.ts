import { describe, expect, test, vi } from "vitest";
import { newFeed, post, request, snapshot } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem, hasObject } from "../support/http.ts";

const MIB = 1024 * 1024;
const GOOD = '{"key":"A","set":{"p":1}}';

/** The ways in which a Worker can send a body to another: there what Content-Length says need not be true. */
const WAYS: [how: string, body: (text: string) => BodyInit][] = [
  ["text", (text) => text],
  ["bytes", (text) => new TextEncoder().encode(text)],
  ["a stream", (text) => new Response(text).body!],
  [
    "a stream of chunks",
    (text) =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          const bytes = new TextEncoder().encode(text);
          for (let i = 0; i < bytes.length; i += 65_536) controller.enqueue(bytes.slice(i, i + 65_536));
          controller.close();
        },
      }),
  ],
];

function send(feed: string, body: BodyInit, length: string): Promise<Response> {
  return request(`/v1/feeds/${feed}`, {
    method: "POST",
    headers: { Authorization: "Bearer publish-key", "Content-Type": "application/json", "Content-Length": length },
    body,
  });
}

describe.each(WAYS)("a false Content-Length of a body sent as %s", (_, body) => {
  test.each(["0", "1", String(GOOD.length), String(MIB)])("does not lift the limit: %s", async (length) => {
    const feed = newFeed();
    await problem(await send(feed, body(GOOD.padEnd(MIB + 1)), length), "too_large");
    expect(await hasObject(feed)).toBe(false);
  });

  test.each(["0", "1", String(MIB), "x", "-1"])("does not have a good body refused: %s", async (length) => {
    const feed = newFeed();
    expect((await send(feed, body(GOOD), length)).status).toBe(200);
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
