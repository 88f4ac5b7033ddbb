import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket as NodeSocket } from "ws";
import { token } from "../support/tokens.ts";
import { ADMIN_KEY, BINDINGS, get, post, publish } from "./support/api.ts";
import { until } from "./support/until.ts";
import { Workerd } from "./support/workerd.ts";

let workerd: Workerd;

beforeEach(async () => {
  workerd = await Workerd.start({ bindings: BINDINGS });
});
afterEach(() => workerd.dispose());

interface List {
  feeds: { feed: string; seq: number }[];
}

const feedUrl = (feed: string): string => `${workerd.url}/v1/feeds/${feed}`;
const admin = { headers: { Authorization: `Bearer ${ADMIN_KEY}` } };
const forget = (feed: string): Promise<Response> =>
  fetch(`${feedUrl(feed)}?forget=true`, { ...admin, method: "DELETE" });

/** Files of the feeds' objects. */
async function files(): Promise<string[]> {
  const all = await readdir(join(workerd.storage, "tickertape-FeedObject")).catch(() => []);
  return all.filter((name) => /^[0-9a-f]+\.sqlite$/.test(name));
}

describe("the directory on a bare workerd", () => {
  test("[I4] reading feeds that do not exist makes no file", async () => {
    for (let i = 0; i < 100; i++) {
      for (const rest of ["", "?since=a:0", "/stats", "/history?key=A"]) await get(feedUrl(`made-up-${i}${rest}`));
    }
    expect(await files()).toEqual([]);
    await publish(feedUrl("stocks"), { key: "A", set: {} });
    expect(await files()).toHaveLength(1);
  });

  test("[I4] a list after a power failure is as the receipts said, and wakes no feed that sleeps", async () => {
    const feeds = Array.from({ length: 200 }, (_, i) => `feed-${String(i).padStart(3, "0")}`);
    await Promise.all(feeds.map((feed) => publish(feedUrl(feed), { key: "A", set: {} })));
    const expected = feeds.map((feed) => ({ feed, seq: 1, keys: 1, subscribers: 0 }));
    expect((await get<List>(`${workerd.url}/v1/feeds`)).feeds).toEqual(expected);
    await publish(feedUrl("feed-007"), { key: "B", set: {} });
    await workerd.kill();
    workerd = await workerd.again();
    expected[7] = { feed: "feed-007", seq: 2, keys: 2, subscribers: 0 };
    expect((await get<List>(`${workerd.url}/v1/feeds`)).feeds).toEqual(expected);
    // The directory writes down the figures of feeds that are quiet.
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    expect((await get<List>(`${workerd.url}/v1/feeds`)).feeds).toEqual(expected);
    await workerd.kill();
    workerd = await workerd.again();
    expect((await get<List>(`${workerd.url}/v1/feeds`)).feeds).toEqual(expected);
    // What no list has woken comes into memory now.
    const at = Date.now();
    const { started } = await get<{ started: number }>(`${feedUrl("feed-100")}/stats`);
    expect(started).toBeGreaterThanOrEqual(at);
    const metrics = await (await fetch(`${workerd.url}/metrics`, admin)).text();
    expect(metrics.match(/^tickertape_feed_keys\{/gm)).toHaveLength(200);
  });

  test("[I7] a guest's token makes no more feeds than its share, and the owner goes on making some", async () => {
    const guest = { Authorization: `Bearer ${await token("publish:chat*", { claims: { sub: "guest" } })}` };
    const make = async (feed: string): Promise<number> =>
      (await post(feedUrl(feed), { key: "A", set: {} }, guest)).status;
    const statuses: number[] = [];
    for (let i = 0; i < 120; i++) statuses.push(await make(`chat-${i}`));
    expect(statuses).toEqual(statuses.map((_, i) => (i < 100 ? 200 : 409)));
    expect(await files()).toHaveLength(100);
    expect(await make("chat-5")).toBe(200);
    await publish(feedUrl("stocks"), { key: "A", set: {} });
    expect((await forget("chat-5")).status).toBe(200);
    expect(await make("chat-200")).toBe(200);
    expect(await make("chat-201")).toBe(409);
  });

  test("a feed that is removed closes all its sockets with 4404, and is gone after a power failure", async () => {
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
    await workerd.kill();
    await until(
      () => closed.length === 2,
      () => `the closes, of which there are ${closed.join()}`,
    );
    expect(closed).toEqual([4404, 4404]);
    workerd = await workerd.again();
    expect((await get<List>(`${workerd.url}/v1/feeds`)).feeds).toEqual([]);
    expect(await get(feedUrl("stocks"))).toMatchObject({ seq: 0, entries: {} });
  });
});
