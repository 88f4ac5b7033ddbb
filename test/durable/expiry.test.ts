import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newFeed, publish, snapshot } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { MEMORIES } from "./evictions.ts";

describe.each(MEMORIES)("entries with a ttl %s", (_, between) => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.now() }));
  afterEach(() => void vi.useRealTimers());

  test("[PUB9] are deleted when the alarm goes off, and subscribers get the deletion", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "here", set: { who: "Ada" }, ttl: 30 },
      { key: "stays", set: {} },
    ]);
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(2);
    await between(feed);
    vi.setSystemTime(Date.now() + 30_000);
    expect(await runDurableObjectAlarm(env.FEEDS.getByName(feed))).toBe(true);
    await subscriber.reaches(3);
    expect(subscriber.view.updates).toEqual([{ key: "here", delete: true }]);
    expect((await snapshot(feed)).entries).toEqual({ stays: {} });
  });

  test("[PUB9] are never shown after their time, even if no alarm has come", async () => {
    const feed = newFeed();
    await publish(feed, { key: "here", set: {}, ttl: 30 });
    await between(feed);
    vi.setSystemTime(Date.now() + 30_001);
    expect(await snapshot(feed)).toMatchObject({ seq: 2, entries: {} });
  });

  test("[PUB8] stay if a newer update has come", async () => {
    const feed = newFeed();
    await publish(feed, [
      { key: "renewed", set: {}, ttl: 30 },
      { key: "kept", set: {}, ttl: 30 },
      { key: "lost", set: {}, ttl: 30 },
    ]);
    await between(feed);
    vi.setSystemTime(Date.now() + 20_000);
    await publish(feed, [
      { key: "renewed", patch: {}, ttl: 30 },
      { key: "kept", patch: { p: 1 } },
    ]);
    await between(feed);
    vi.setSystemTime(Date.now() + 15_000);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    expect(Object.keys((await snapshot(feed)).entries).toSorted()).toEqual(["kept", "renewed"]);
    await between(feed);
    vi.setSystemTime(Date.now() + 15_000);
    await runDurableObjectAlarm(env.FEEDS.getByName(feed));
    expect(Object.keys((await snapshot(feed)).entries)).toEqual(["kept"]);
  });
});
