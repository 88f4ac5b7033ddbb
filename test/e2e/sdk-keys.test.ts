import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Feed } from "../../src/client/index.ts";
import { msgpack } from "../../src/client/msgpack.ts";
import { createPublisher } from "../../src/publisher/index.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
import { isLive } from "./support/feeds.ts";
import { Workerd } from "./support/workerd.ts";

/** As `openssl rand -base64 32` gives them, with every character that can be trouble. */
function randomKey(): string {
  for (;;) {
    const key = randomBytes(32).toString("base64");
    if (/\+/.test(key) && /\//.test(key) && key.endsWith("=")) return key;
  }
}
const PUBLISH_KEY = randomKey();
const ADMIN_KEY = randomKey();

let server: Workerd;
const feeds: Feed<unknown>[] = [];

beforeAll(async () => {
  const bindings = { PUBLISH_KEY, ADMIN_KEY, SUBSCRIBE_ACCESS: "token", ALLOWED_ORIGINS: "" };
  server = await Workerd.start({ bindings });
  const publisher = createPublisher({ url: server.url, feed: "keys", key: PUBLISH_KEY });
  await publisher.publish({ key: "A", set: { n: 1 } });
});
afterAll(async () => {
  for (const feed of feeds) feed.close();
  await server.dispose();
});

/** Where sockets go, and what they offer. */
class NotedSocket extends WebSocket {
  static readonly made: [url: string, protocols: string][] = [];
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    NotedSocket.made.push([String(url), String(protocols)]);
  }
}

async function shows(feed: Feed<unknown>): Promise<void> {
  feeds.push(feed);
  await isLive(feed, 30_000);
  expect(Object.fromEntries(feed.entries())).toEqual({ A: { n: 1 } });
}

describe("[I2] a key of any characters that a key may have", () => {
  test.each([undefined, msgpack])("goes over a WebSocket as a subprotocol, and into no address", async (format) => {
    NotedSocket.made.length = 0;
    await shows(connect(server.url, "keys", { token: ADMIN_KEY, WebSocket: NotedSocket, format }));
    // The first got through.
    expect(NotedSocket.made).toHaveLength(1);
    const [url, protocols] = NotedSocket.made[0] ?? ["", ""];
    expect(url).not.toContain("token");
    expect(protocols).toMatch(/^tickertape\.v1(\.msgpack)?,bearer\.base64url\.[\w-]+$/);
  });

  test.each([false, true])("goes over HTTP, where streams are held back: %s", async (holdsStreams) => {
    const proxy = await BlockingProxy.start(server.url, { upgrades: "reset", holdsStreams });
    await shows(connect(proxy.url, "keys", { token: ADMIN_KEY }));
    proxy.close();
  });
});
