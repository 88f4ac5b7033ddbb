import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ADMIN_KEY, bearer, newFeed, post, publish, PUBLISH_KEY, request, snapshot } from "../support/api.ts";
import { listedFeeds, problem, storedTables } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

async function remove(feed: string, query = "?forget=true", key = ADMIN_KEY): Promise<Response> {
  return request(`/v1/feeds/${feed}${query}`, { method: "DELETE", headers: bearer(key) });
}

/** A feed as a later version might have stored it, of whose first publish the list knows. */
async function unreadable(): Promise<string> {
  const feed = newFeed();
  await publish(feed, { key: "A", set: {} });
  await listedFeeds();
  await publish(feed, { key: "A", set: {} });
  const stub = env.FEEDS.getByName(feed);
  await runInDurableObject(stub, (_, { storage }) => storage.sql.exec("UPDATE feed SET format = 999"));
  await evictDurableObject(stub);
  return feed;
}

describe("[FEED2] DELETE with ?forget=true", () => {
  test.each([false, true])("removes a feed, its storage and its name (evicted before: %s)", async (evicted) => {
    const feed = newFeed();
    const old = await publish(feed, { key: "A", set: { p: 1 }, version: 9, ttl: 1_000 });
    expect(await listedFeeds()).toContain(feed);
    if (evicted) await evictDurableObject(env.FEEDS.getByName(feed));
    const response = await remove(feed);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ feed, forgotten: true });
    expect(await listedFeeds()).not.toContain(feed);
    expect(await storedTables(feed)).toEqual([]);
    expect(await snapshot(feed)).toMatchObject({ seq: 0, entries: {} });
    expect(await runInDurableObject(env.FEEDS.getByName(feed), (_, { storage }) => storage.getAlarm())).toBeNull();
    // And can be made again, as another one.
    const receipt = await publish(feed, { key: "A", set: { p: 2 }, version: 1 });
    expect(receipt).toMatchObject({ seq: 1, accepted: 1 });
    expect(receipt.epoch).not.toBe(old.epoch);
    expect(await listedFeeds()).toContain(feed);
    const since = await (await request(`/v1/feeds/${feed}?since=${old.epoch}:1`)).json();
    expect(since).toMatchObject({ type: "snapshot", reason: "epoch_changed", entries: { A: { p: 2 } } });
  });

  test.each([false, true])("closes its sockets with 4404 (evicted before: %s)", async (evicted) => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const subscribers = await Promise.all([TestSubscriber.connect(feed), TestSubscriber.connect(feed, "?keys=A")]);
    for (const subscriber of subscribers) await subscriber.reaches(1);
    if (evicted) await evictDurableObject(env.FEEDS.getByName(feed));
    await remove(feed);
    for (const subscriber of subscribers) {
      await subscriber.until(({ closed }) => closed !== undefined, "the close");
      expect(subscriber.closed).toMatchObject({ code: 4404 });
    }
    await publish(feed, { key: "B", set: {} });
    const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
    expect(stats).toMatchObject({ subscribers: 0, keys: 1 });
  });

  test("ends streams with an error that says so", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const stream = await request(`/v1/feeds/${feed}`, { headers: { Accept: "text/event-stream" } });
    await remove(feed);
    expect(await stream.text()).toMatch(/event: error\ndata: \{"type":"error","code":"not_found"/);
  });

  test("may be repeated, and does nothing to a feed that never existed", async () => {
    const feed = newFeed();
    for (let i = 0; i < 2; i++) expect((await remove(feed)).status).toBe(200);
    expect(await storedTables(feed)).toEqual([]);
  });

  test("leaves no trace of a batch that is being published, or all of it", async () => {
    const feed = newFeed();
    for (let round = 0; round < 3; round++) {
      const publishes = Array.from({ length: 20 }, (_, i) => post(feed, { key: `k${i}`, set: {} }));
      await remove(feed);
      for (const response of await Promise.all(publishes)) expect(response.status).toBe(200);
      // Whatever came after it made the feed anew, and is listed.
      const { seq } = await snapshot(feed);
      expect((await listedFeeds()).includes(feed)).toBe(seq > 0);
      await remove(feed);
      expect(await listedFeeds()).not.toContain(feed);
    }
  });

  test("is for administrators, and a word that is mistyped resets nothing", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    await problem(await remove(feed, "?forget=true", PUBLISH_KEY), "forbidden");
    for (const query of ["?forget=1", "?forget=", "?forget=TRUE", "?forget=true&forget=true"]) {
      await problem(await remove(feed, query), "invalid_query");
    }
    expect(await snapshot(feed)).toMatchObject({ seq: 1, entries: { A: {} } });
    expect(await (await remove(feed, "?forget=false")).json()).toMatchObject({ feed, seq: 0 });
  });
});

describe("[I8] a feed that cannot be opened", () => {
  test("[READ8] does not break the list and the metrics, and can be removed", async () => {
    const [bad, good] = [await unreadable(), newFeed()];
    await publish(good, { key: "A", set: {} });
    const headers = bearer(ADMIN_KEY);
    const { feeds } = await (await request("/v1/feeds")).json<{ feeds: object[] }>();
    expect(feeds).toContainEqual({ feed: good, seq: 1, keys: 1, subscribers: 0 });
    expect(feeds).toContainEqual({ feed: bad, seq: 1, keys: 1, subscribers: 0, unreadable: true });
    const metrics = await (await request("/metrics", { headers })).text();
    expect(metrics).toContain(`tickertape_feed_updates_total{feed="${good}"} 1\n`);
    expect(metrics).toContain(`tickertape_feed_updates_total{feed="${bad}"} 1\n`);
    expect(metrics).toContain(`tickertape_feed_readable{feed="${good}"} 1\n`);
    expect(metrics).toContain(`tickertape_feed_readable{feed="${bad}"} 0\n`);
    expect((await remove(bad)).status).toBe(200);
    expect(await listedFeeds()).not.toContain(bad);
    expect(await publish(bad, { key: "A", set: {} })).toMatchObject({ seq: 1 });
  });

  test("[OUT3] [STO6] takes no updates, and says that it has taken none", async () => {
    const bad = await unreadable();
    const response = await post(bad, { key: "A", set: {} });
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    await problem(response, "overloaded");
  });
});
