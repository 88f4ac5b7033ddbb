import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { accountOf } from "../../src/limits/places.ts";
import { anonymous } from "../support/callers.ts";
import { ADMIN_KEY, bearer, newFeed, publish, request } from "../support/api.ts";
import { hasObject, listedFeeds, problem } from "../support/http.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";

const EPOCH = /^[a-z0-9]{1,32}$/;

describe("[POS4] [I4] reading a feed that does not exist creates nothing", () => {
  test.each([
    ["GET", ""],
    ["GET", "?keys=A"],
    ["GET", "?since=abc:5"],
    ["GET", "?since=abc:0"],
    ["GET", "?since=abc:0&mode=all&wait=0"],
    ["GET", "/stats"],
    ["GET", "/history?key=A"],
    ["HEAD", ""],
    ["HEAD", "?since=abc:0&wait=5"],
    ["HEAD", "/stats"],
    ["HEAD", "/history?key=A"],
  ])("%s %s", async (method, rest) => {
    const feed = newFeed();
    for (const headers of [{}, bearer(ADMIN_KEY)]) {
      const response = await request(`/v1/feeds/${feed}${rest}`, { method, headers });
      expect(response.ok).toBe(true);
      await response.text();
    }
    expect(await hasObject(feed)).toBe(false);
    expect(await listedFeeds()).not.toContain(feed);
  });
});

describe("a feed that does not exist", () => {
  test("is empty at seq 0, and never changed", async () => {
    const feed = newFeed();
    const response = await request(`/v1/feeds/${feed}`);
    const body = await response.json<{ epoch: string }>();
    expect(body).toEqual({ feed, epoch: expect.stringMatching(EPOCH), seq: 0, time: 0, entries: {} });
    expect(response.headers.get("ETag")).toBe(`"${body.epoch}:0"`);
    const history = await (await request(`/v1/feeds/${feed}/history?key=A`)).json();
    expect(history).toEqual({ feed, epoch: body.epoch, key: "A", updates: [], more: false });
    const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
    expect(stats).toMatchObject({ feed, epoch: body.epoch, seq: 0, keys: 0, subscribers: 0, time: 0 });
  });

  test("[POS4] has not changed for a reader at its position", async () => {
    const feed = newFeed();
    const first = await request(`/v1/feeds/${feed}`);
    const tag = first.headers.get("ETag")!;
    await first.text();
    expect((await request(`/v1/feeds/${feed}`, { headers: { "If-None-Match": tag } })).status).toBe(304);
    const since = tag.slice(1, -1);
    const message = await (await request(`/v1/feeds/${feed}?since=${since}`)).json();
    expect(message).toEqual({ type: "update", from: 0, seq: 0, time: 0, updates: [] });
    expect((await request(`/v1/feeds/${feed}?since=${since}&wait=0`)).status).toBe(204);
  });

  test("keeps the position that a reader got over another transport", async () => {
    const headers = { "If-None-Match": '"elsewhere:7", "elsewhere:0"' };
    const response = await request(`/v1/feeds/${newFeed()}`, { headers });
    expect([response.status, response.headers.get("ETag")]).toEqual([304, '"elsewhere:0"']);
  });

  test("does not continue a removed feed", async () => {
    const message = await (await request(`/v1/feeds/${newFeed()}?since=abc:5&wait=0`)).json();
    expect(message).toMatchObject({ type: "snapshot", reason: "epoch_changed", seq: 0, entries: {} });
  });

  test("[POS3] has one position for all who watch it: sockets, polls and requests", async () => {
    const feed = newFeed();
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(0);
    const body = await (await request(`/v1/feeds/${feed}`)).json();
    expect(body).toMatchObject({ epoch: subscriber.position?.epoch, seq: 0 });
    const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
    expect(stats).toMatchObject({ subscribers: 1 });
    const poll = request(`/v1/feeds/${feed}?since=${subscriber.since}&wait=10`);
    await publish(feed, { key: "A", set: {} });
    expect(await (await poll).json()).toMatchObject({ type: "update", from: 0, seq: 1 });
    await subscriber.reaches(1);
  });

  test("[POS3] gets an epoch of its own when it is first published to", async () => {
    const feed = newFeed();
    const { epoch } = await (await request(`/v1/feeds/${feed}`)).json<{ epoch: string }>();
    expect((await publish(feed, { key: "A", set: {} })).epoch).not.toBe(epoch);
    const message = await (await request(`/v1/feeds/${feed}?since=${epoch}:0`)).json();
    expect(message).toMatchObject({ type: "snapshot", reason: "epoch_changed", seq: 1 });
  });

  test("can be waited for from the position that was read, until it begins", async () => {
    const feed = newFeed();
    const { epoch } = await (await request(`/v1/feeds/${feed}`)).json<{ epoch: string }>();
    const first = await (await request(`/v1/feeds/${feed}?since=${epoch}:0&wait=10`)).json<{ epoch: string }>();
    expect(first).toMatchObject({ type: "snapshot", seq: 0, entries: {} });
    const poll = request(`/v1/feeds/${feed}?since=${first.epoch}:0&wait=10`);
    await publish(feed, { key: "A", set: {} });
    expect(await (await poll).json()).toMatchObject({ type: "update", seq: 1 });
  });
});

test("[FEED3] [I7] one client IP may watch a limited number of feeds that do not exist; others are not counted", async () => {
  const headers = { "CF-Connecting-IP": "198.51.100.7" };
  const connect = async (feed: string): Promise<Response> => {
    const response = await upgrade(feed, "", headers);
    response.webSocket?.accept();
    response.webSocket?.close();
    return response;
  };
  const account = accountOf(anonymous("198.51.100.7"));
  for (let i = 1; i < 100; i++) await env.DIRECTORY.getByName("feeds").visit(newFeed(), account);
  expect((await connect(newFeed())).status).toBe(101);
  const feed = newFeed();
  const refused = await connect(feed);
  expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(0);
  await problem(refused, "rate_limited");
  await problem(await request(`/v1/feeds/${feed}?since=a:0&wait=1`, { headers }), "rate_limited");
  const events = { ...headers, Accept: "text/event-stream" };
  await problem(await request(`/v1/feeds/${feed}`, { headers: events }), "rate_limited");
  expect(await hasObject(feed)).toBe(false);
  await publish(feed, { key: "A", set: {} });
  expect((await connect(feed)).status).toBe(101);
});
