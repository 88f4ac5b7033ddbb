import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test, type TestContext } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { token } from "../support/tokens.ts";
import { ADMIN_KEY, get, post, publish, statsOf } from "./support/api.ts";
import { Server } from "./support/server.ts";
import { until } from "./support/until.ts";

/** A server of one test, with its directory. */
async function start({ onTestFinished }: TestContext) {
  const server = await Server.start();
  onTestFinished(() => server.dispose());
  const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;
  return {
    server,
    feedUrl,
    forget: (feed: string): Promise<Response> => fetch(`${feedUrl(feed)}?forget=true`, { ...admin, method: "DELETE" }),
    listed: async (): Promise<unknown> => (await get<{ feeds: unknown }>(`${server.url}/v1/feeds`)).feeds,
    /** Files of the feeds' objects. */
    files: async (): Promise<string[]> => {
      const all = await readdir(join(server.storage, "tickertape-FeedObject")).catch(() => []);
      return all.filter((name) => /^[0-9a-f]+\.sqlite$/.test(name));
    },
  };
}

const admin = { headers: { Authorization: `Bearer ${ADMIN_KEY}` } };

describe.concurrent("the directory on a bare workerd", () => {
  test("[I4] reading feeds that do not exist makes no file", async (context) => {
    const { feedUrl, files } = await start(context);
    for (let i = 0; i < 25; i++) {
      for (const rest of ["", "?since=a:0", "/stats", "/history?key=A"]) await get(feedUrl(`made-up-${i}${rest}`));
    }
    expect(await files()).toEqual([]);
    await publish(feedUrl("stocks"), { key: "A", set: {} });
    expect(await files()).toHaveLength(1);
  });

  test("[I4] a list after a power failure is as the receipts said, and wakes no feed that sleeps", async (context) => {
    const { server, feedUrl, listed } = await start(context);
    const feeds = Array.from({ length: 50 }, (_, i) => `feed-${String(i).padStart(3, "0")}`);
    await Promise.all(feeds.map((feed) => publish(feedUrl(feed), { key: "A", set: {} })));
    const expected = feeds.map((feed) => ({ feed, seq: 1, keys: 1, subscribers: 0 }));
    expect(await listed()).toEqual(expected);
    await publish(feedUrl("feed-007"), { key: "B", set: {} });
    await server.crash();
    expected[7] = { feed: "feed-007", seq: 2, keys: 2, subscribers: 0 };
    expect(await listed()).toEqual(expected);
    // The directory writes down the figures of feeds that are quiet.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect(await listed()).toEqual(expected);
    await server.crash();
    expect(await listed()).toEqual(expected);
    // What no list has woken comes into memory now.
    const at = Date.now();
    const { started } = await statsOf(feedUrl("feed-040"));
    expect(started).toBeGreaterThanOrEqual(at);
    const metrics = await (await fetch(`${server.url}/metrics`, admin)).text();
    expect(metrics.match(/^tickertape_feed_keys\{/gm)).toHaveLength(50);
  });

  test("[I7] a guest's token makes no more feeds than its share, and the owner goes on making some", async (context) => {
    const { feedUrl, files, forget } = await start(context);
    const guest = { Authorization: `Bearer ${await token("publish:chat*", { claims: { sub: "guest" } })}` };
    const make = async (feed: string): Promise<number> =>
      (await post(feedUrl(feed), { key: "A", set: {} }, guest)).status;
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, i) => make(`chat-${i}`)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    for (let i = 100; i < 105; i++) expect(await make(`chat-${i}`)).toBe(409);
    expect(await files()).toHaveLength(100);
    expect(await make("chat-5")).toBe(200);
    await publish(feedUrl("stocks"), { key: "A", set: {} });
    expect((await forget("chat-5")).status).toBe(200);
    expect(await make("chat-200")).toBe(200);
    expect(await make("chat-201")).toBe(409);
  });

  test("a feed that is removed closes all its sockets with 4404, and is gone after a power failure", async (context) => {
    const { server, feedUrl, forget, listed } = await start(context);
    await publish(feedUrl("stocks"), { key: "A", set: {} });
    const closed: number[] = [];
    for (const Socket of [NodeSocket, WebSocket]) {
      const socket = new Socket(feedUrl("stocks").replace("http", "ws"));
      let messages = 0;
      socket.addEventListener("message", () => messages++);
      socket.addEventListener("close", ({ code }: { code: number }) => closed.push(code));
      await until(() => messages >= 2, "the snapshot");
    }
    expect((await forget("stocks")).status).toBe(200);
    // A client learns of the close only when the connection breaks.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await server.kill();
    await until(
      () => closed.length === 2,
      () => `the closes, of which there are ${closed.join()}`,
    );
    expect(closed).toEqual([4404, 4404]);
    await server.restart();
    expect(await listed()).toEqual([]);
    expect(await get(feedUrl("stocks"))).toMatchObject({ seq: 0, entries: {} });
  });
});
