import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import { Planner } from "../../src/placement/planner.ts";
import { bearer, newFeed, post, PUBLISH_KEY, request, snapshot } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { listedFeeds, problem, storedTables } from "../support/http.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";
import { JWT_SECRET, token } from "../support/tokens.ts";
import { MEMORIES } from "../durable/evictions.ts";

const ONLY = "?publish=only";
const UPDATE = { key: "A", set: { p: 1 } };
const types = ({ messages }: TestSubscriber): string[] => messages.map(({ type }) => type);

function connect(
  feed: string,
  credential = PUBLISH_KEY,
  headers: Record<string, string> = {},
): Promise<TestSubscriber> {
  return TestSubscriber.connect(feed, ONLY, { ...bearer(credential), ...headers });
}

describe.each(MEMORIES)("a socket that only publishes, %s", (_, between) => {
  test.each(["tickertape.v1", "tickertape.v1.msgpack"])(
    "[PUB14] gets hello, its answers and nothing else, and is no subscriber (%s)",
    async (protocol) => {
      const feed = newFeed();
      await post(feed, { key: "old", set: {} });
      const publisher = await connect(feed, PUBLISH_KEY, { "Sec-WebSocket-Protocol": protocol });
      const { seq, epoch } = await publisher.message("hello");
      expect([seq, publisher.protocol]).toEqual([1, protocol]);
      await between(feed);
      await post(feed, { key: "B", set: {} });
      for (let id = 1; id <= 3; id++) {
        await between(feed);
        publisher.send({ type: "publish", id, updates: [UPDATE], idempotencyKey: `k${id}` });
        expect(await publisher.message("receipt", id)).toMatchObject({ epoch, seq: 2 + id });
      }
      expect((await env.FEEDS.getByName(feed).stats()).subscribers).toBe(0);
      expect(types(publisher)).toEqual(["hello", "receipt", "receipt", "receipt"]);
    },
  );

  test("[PUB14] cannot subscribe, and its credential is renewed by one that may publish", async () => {
    const feed = newFeed();
    const publisher = await connect(feed);
    await between(feed);
    publisher.send({ type: "subscribe", id: 1 });
    expect(await publisher.message("error", 1)).toMatchObject({ code: "forbidden" });
    publisher.send({ type: "auth", id: 2, token: await token(`publish:${feed}`) });
    await publisher.message("authorized", 2);
    await between(feed);
    publisher.send({ type: "publish", id: 3, updates: [UPDATE] });
    await publisher.message("receipt", 3);
    publisher.send({ type: "auth", id: 4, token: await token(`subscribe:${feed}`) });
    await publisher.until(({ closed }) => closed !== undefined, "the close");
    expect(publisher.closed?.code).toBe(4403);
    expect(types(publisher)).toEqual(["hello", "error", "authorized", "receipt"]);
  });
});

describe("[PUB14] a socket that only publishes needs the grant to publish and no other", () => {
  const app = appWith({ PUBLISH_KEY: "a-publish-key", JWT_SECRET, SUBSCRIBE_ACCESS: "token" });
  const ask = async (query: string, scope: string | undefined, feed = newFeed()): Promise<Response> =>
    app(`/v1/feeds/${feed}${query}`, {
      headers: { Upgrade: "websocket", ...(scope !== undefined && bearer(await token(scope))) },
    });

  test("where reading needs a token", async () => {
    const opened = await ask(ONLY, "publish:t-*");
    expect(opened.status).toBe(101);
    opened.webSocket?.accept();
    opened.webSocket?.close();
    await problem(await ask("", "publish:t-*"), "forbidden");
  });

  test("and one that may only read, or only publish elsewhere, is refused", async () => {
    await problem(await ask(ONLY, "subscribe:*"), "forbidden");
    await problem(await ask(ONLY, "publish:another"), "forbidden");
    await problem(await ask(ONLY, undefined), "unauthorized");
  });
});

test("[PUB14] the parameter is for sockets, and has one value", async () => {
  const feed = newFeed();
  await problem(await upgrade(feed, "?publish=all", bearer(PUBLISH_KEY)), "invalid_query");
  await problem(await upgrade(feed, "?publish=only&publish=only", bearer(PUBLISH_KEY)), "invalid_query");
  for (const headers of [{}, { Accept: "text/event-stream" }])
    await problem(await request(`/v1/feeds/${feed}${ONLY}`, { headers }), "invalid_query");
});

test("[PUB15] [I4] over a feed that does not exist, it stores nothing until it publishes", async () => {
  const feed = newFeed();
  const publisher = await connect(feed);
  const { epoch } = await publisher.message("hello");
  await evictDurableObject(env.FEEDS.getByName(feed));
  publisher.send({ type: "ack", seq: 0 });
  publisher.send({ type: "publish", id: 1, updates: [{}] });
  await publisher.message("error", 1);
  expect(await storedTables(feed)).toEqual([]);
  expect(await listedFeeds()).not.toContain(feed);
  publisher.send({ type: "publish", id: 2, updates: [UPDATE] });
  expect(await publisher.message("receipt", 2)).toMatchObject({ epoch, seq: 1 });
  expect(await listedFeeds()).toContain(feed);
  expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 } });
});

test("[PUB14] [REP10] it goes to the leader, and is no reason for a replica", async () => {
  const feed = newFeed();
  const [arrived, planned] = [vi.spyOn(Planner.prototype, "arrived"), vi.spyOn(Planner.prototype, "plan")];
  const publishers = [await connect(feed), await connect(feed)];
  expect(arrived).not.toHaveBeenCalled();
  for (const [subscribers] of planned.mock.calls) expect(subscribers).toBe(0);
  expect(planned).toHaveBeenCalled();
  vi.restoreAllMocks();
  for (const publisher of publishers) publisher.close();
});
