import { beforeAll, describe, expect, test } from "vitest";
import { publish, statsOf } from "./support/api.ts";
import { head, RawRequest } from "./support/raw-http.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";
import { until } from "./support/until.ts";

let server: SharedServer;

beforeAll(async () => {
  server = await sharedWorkerd();
});

async function subscribers(url: string): Promise<number> {
  return (await statsOf(url)).subscribers;
}

/** Asks for something that is answered little by little, and reads none of it. */
async function ask(path: string, ...headers: string[]): Promise<RawRequest> {
  const request = await RawRequest.open(Number(new URL(server.url).port));
  return request.write(head(`GET ${path}`, headers));
}

/*
 * Their connections are reset: an end that a server hears of. One that is only closed on the other side looks, to a bare
 * workerd, like a client that has nothing more to say, until something is written to it.
 */
describe("[READ4] [I9] a reader that goes away gives up its place within a second or two", () => {
  test("over a stream of events", async () => {
    const url = `${server.url}/v1/feeds/gone-events`;
    await publish(url, { key: "A", set: {} });
    const reader = await ask("/v1/feeds/gone-events", "Accept: text/event-stream");
    await until(() => reader.received.includes("snapshot"), "the snapshot");
    expect(await subscribers(url)).toBe(1);
    reader.socket.resetAndDestroy();
    await until(async () => (await subscribers(url)) === 0, "its place", { ms: 3000 });
  });

  test("while it waits for a change", async () => {
    const url = `${server.url}/v1/feeds/gone-poll`;
    const { epoch, seq } = await publish(url, { key: "A", set: {} });
    const reader = await ask(`/v1/feeds/gone-poll?since=${epoch}:${seq}&wait=30`);
    await until(async () => (await subscribers(url)) === 1, "its socket");
    reader.socket.resetAndDestroy();
    await until(async () => (await subscribers(url)) === 0, "its place", { ms: 3000 });
  });

  test("while it is sent a long answer, which it does not read", async () => {
    const url = `${server.url}/v1/feeds/gone-long`;
    const text = "x".repeat(20_000);
    for (let n = 0; n < 12; n++) {
      await publish(
        url,
        Array.from({ length: 40 }, (_, i) => ({ key: `${n}.${i}`, set: { text } })),
      );
    }
    const readers = await Promise.all(Array.from({ length: 8 }, () => ask("/v1/feeds/gone-long")));
    for (const reader of readers) reader.socket.pause();
    await until(async () => (await fetch(url)).status === 503, "that no more are served");
    for (const reader of readers) reader.socket.resetAndDestroy();
    await until(async () => (await fetch(url)).status === 200, "their places", { ms: 3000 });
  });
});
