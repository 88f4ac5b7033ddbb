import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { ADMIN_KEY, bearer, newFeed, post, publish, request, snapshot } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { listedFeeds, problem } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

interface Listed {
  feed: string;
  seq: number;
  keys: number;
  subscribers: number;
}

async function list(query = ""): Promise<{ feeds: Listed[]; next?: string }> {
  const response = await request(`/v1/feeds${query}`);
  expect(response.status).toBe(200);
  return response.json();
}

async function reset(feed: string): Promise<{ feed: string; epoch: string; seq: number }> {
  const headers = bearer(ADMIN_KEY);
  const response = await request(`/v1/feeds/${feed}`, { method: "DELETE", headers });
  expect(response.status).toBe(200);
  return response.json();
}

describe("[READ6] the list of feeds", () => {
  test("is empty before the first publish", async () => {
    expect(await list()).toEqual({ feeds: [] });
  });

  test("shows each feed with its seq, keys and subscribers", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "A", set: {} },
      { key: "B", set: {} },
      { key: "A", delete: true },
    ]);
    const subscriber = await TestSubscriber.connect(feed);
    await subscriber.reaches(3);
    expect((await list()).feeds).toContainEqual({ feed, seq: 3, keys: 1, subscribers: 1 });
  });

  test("shows feeds in order of name, and only those that exist", async () => {
    for (const name of ["b", "a-1", "a", "a.b", "a_b", "a0", "10", "9"]) await publish(name, { key: "A", set: {} });
    await snapshot("never-published");
    await problem(await post("refused", { key: "A" }), "invalid_update");
    const names = await listedFeeds();
    expect(names.filter((name) => !name.startsWith("t-"))).toEqual(["10", "9", "a", "a-1", "a.b", "a0", "a_b", "b"]);
  });

  test("names no feed that is not served", async () => {
    const app = appWith({ FEED_NAMES: "stocks, tech-*" });
    for (const name of ["stocks", "tech-1", "secret-project"]) await publish(name, { key: "A", set: {} });
    const { feeds } = await (await app("/v1/feeds")).json<{ feeds: Listed[] }>();
    expect(feeds.map(({ feed }) => feed)).toEqual(["stocks", "tech-1"]);
  });

  test.each([1, 3, 500])("is gone through page by page, %i at a time, without a gap or a duplicate", async (limit) => {
    const all = await listedFeeds();
    const found: string[] = [];
    let after: string | undefined = "";
    while (after !== undefined) {
      const page = await list(`?limit=${limit}&after=${after}`);
      expect(page.feeds.length).toBeLessThanOrEqual(limit);
      found.push(...page.feeds.map(({ feed }) => feed));
      after = page.next;
    }
    expect(all.length).toBeGreaterThan(9);
    expect(found).toEqual(all);
  });
});

test("stats show the feed's position, keys and subscribers", async () => {
  const feed = newFeed();
  const { epoch } = await publish(feed, [
    { key: "A", set: {} },
    { key: "B", set: {} },
    { key: "B", delete: true },
  ]);
  const subscribers = await Promise.all([TestSubscriber.connect(feed), TestSubscriber.connect(feed, "?keys=A")]);
  await Promise.all(subscribers.map((subscriber) => subscriber.reaches(3)));
  const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
  expect(stats).toMatchObject({ feed, epoch, seq: 3, keys: 1, subscribers: 2 });
});

describe("DELETE of a feed", () => {
  test("[POS1] answers with the new position: another epoch, seq 0", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: {} });
    const answer = await reset(feed);
    expect(answer).toEqual({ feed, epoch: expect.stringMatching(/^[a-z0-9]+$/), seq: 0 });
    expect(answer.epoch).not.toBe(epoch);
    expect((await reset(feed)).epoch).not.toBe(answer.epoch);
  });

  test.each([false, true])("removes entries, history and versions (seen after a restart: %s)", async (restart) => {
    const feed = newFeed();
    const old = await publish(feed, { key: "A", set: { p: 1 }, version: 9, ttl: 1_000 });
    const { epoch } = await reset(feed);
    if (restart) await evictDurableObject(env.FEEDS.getByName(feed));
    expect(await snapshot(feed)).toEqual({ feed, epoch, seq: 0, time: 0, entries: {} });
    const history = await (await request(`/v1/feeds/${feed}/history?key=A`)).json();
    expect(history).toEqual({ feed, epoch, key: "A", updates: [], more: false });
    const since = await (await request(`/v1/feeds/${feed}?since=${old.epoch}:${old.seq}`)).json();
    expect(since).toMatchObject({ type: "snapshot", reason: "epoch_changed", epoch, seq: 0, entries: {} });
    const receipt = await publish(feed, { key: "A", set: { p: 2 }, version: 1 });
    expect(receipt).toMatchObject({ epoch, seq: 1, accepted: 1, stale: 0 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 2 } });
  });

  test("tells subscribers with an empty snapshot, after which updates go on", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    const subscriber = await TestSubscriber.connect(feed);
    await subscriber.reaches(1);
    const { epoch } = await reset(feed);
    await subscriber.until(({ position }) => position?.epoch === epoch, "the new epoch");
    expect(subscriber.messages.at(-1)).toEqual({
      type: "snapshot",
      epoch,
      seq: 0,
      time: 0,
      reason: "reset",
      entries: {},
    });
    await publish(feed, { key: "B", set: { p: 2 } });
    await subscriber.reaches(1);
    expect(subscriber.state()).toEqual({ B: { p: 2 } });
  });

  test("[READ6] leaves the feed in the list, with no keys", async () => {
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    await reset(feed);
    expect((await list()).feeds).toContainEqual({ feed, seq: 0, keys: 0, subscribers: 0 });
  });

  test("leaves other feeds alone", async () => {
    const [one, two] = [newFeed(), newFeed()];
    await publish(one, { key: "A", set: {} });
    const receipt = await publish(two, { key: "A", set: {} });
    await reset(one);
    expect(await snapshot(two)).toMatchObject({ epoch: receipt.epoch, seq: 1, entries: { A: {} } });
  });
});
