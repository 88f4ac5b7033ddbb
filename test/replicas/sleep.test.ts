import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { FeedStats } from "../../src/durable/directory/rpc.ts";
import { FeedObject } from "../../src/durable/feed-object.ts";
import { ReplicaObject } from "../../src/durable/replica/replica-object.ts";
import { Links } from "../../src/replication/links.ts";
import { FeedClock } from "../http/support/feed-clock.ts";
import { newFeed, publish } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";
import { busyReplicas, spread } from "./spread.ts";

let clock: FeedClock;

beforeEach(() => void (clock = new FeedClock()));
afterEach(() => {
  clock.restore();
  vi.restoreAllMocks();
});

/** Has all subscribers go. Returns the names of the replicas that they leave behind. */
async function emptied(feed: string): Promise<string[]> {
  const subscribers = await spread(feed);
  const names = (await busyReplicas(feed)).map(({ name }) => name);
  for (const subscriber of subscribers) subscriber.close();
  await vi.waitFor(async () => expect(await busyReplicas(feed)).toEqual([]));
  return names;
}

/** Those of some replicas that the leader sends what it commits. */
async function followers(feed: string, names: readonly string[]): Promise<string[]> {
  const leader = env.FEEDS.getByName(feed);
  const standings = await Promise.all(names.map(async (name) => leader.standing(name)));
  return names.filter((_, i) => standings[i] === "follows");
}

describe("a feed with replicas that rests", () => {
  test("[REP7] replicas get what was committed just before the leader lost its memory", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const unsent = vi.spyOn(Links.prototype, "step").mockReturnValue(undefined);
    await publish(feed, { key: "A", set: { n: 2 } });
    const leader = env.FEEDS.getByName(feed);
    await evictDurableObject(leader);
    unsent.mockRestore();
    clock.advance(15_000);
    expect(await runDurableObjectAlarm(leader)).toBe(true);
    for (const subscriber of subscribers) await subscriber.reaches(2);
  });

  test("[REP8] replicas that lost their memory wake for the first update, and resume their subscribers", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed, "?mode=all");
    for (const { name } of await busyReplicas(feed)) await evictDurableObject(env.FEED_REPLICAS.getByName(name));
    for (let n = 2; n <= 5; n++) await publish(feed, { key: "A", set: { n } });
    for (const subscriber of subscribers) {
      await subscriber.reaches(5);
      expect(subscriber.view.updates).toEqual([2, 3, 4, 5].map((n) => ({ key: "A", set: { n } })));
    }
  });

  test("[REP8] asking how many subscribers there are wakes no replica, also if the leader has slept", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const asked = vi.spyOn(ReplicaObject.prototype, "describe");
    const statsOnceAwake = async (): Promise<FeedStats> => {
      await evictDurableObject(env.FEEDS.getByName(feed));
      asked.mockClear();
      return env.FEEDS.getByName(feed).stats();
    };
    // All of them were asked, or have said so themselves.
    expect(await statsOnceAwake()).toMatchObject({ subscribers: subscribers.length });
    expect(await statsOnceAwake()).toMatchObject({ subscribers: subscribers.length });
    expect(asked).not.toHaveBeenCalled();

    subscribers.pop()!.close();
    await vi.waitFor(async () => {
      const { subscribers: count } = await env.FEEDS.getByName(feed).stats();
      expect(count).toBe(subscribers.length);
    });
    expect(await statsOnceAwake()).toMatchObject({ subscribers: subscribers.length });
  });

  test("[REP8] a replica that has had no subscriber for a minute is sent nothing more, until one comes", async () => {
    const feed = newFeed();
    const names = await emptied(feed);
    const pushed = vi.spyOn(ReplicaObject.prototype, "deliver");
    await publish(feed, { key: "A", set: { n: 2 } });
    await vi.waitFor(() => expect(pushed).toHaveBeenCalledTimes(names.length));
    clock.advance(50_000);
    await publish(feed, { key: "A", set: { n: 3 } });
    await vi.waitFor(() => expect(pushed).toHaveBeenCalledTimes(2 * names.length));
    expect(await followers(feed, names)).toEqual(names);

    clock.advance(10_000);
    await publish(feed, { key: "A", set: { n: 4 } });
    await vi.waitFor(async () => expect(await followers(feed, names)).toEqual([]));
    pushed.mockClear();
    await publish(feed, { key: "A", set: { n: 5 } });
    const subscriber = await (await TestSubscriber.connect(feed)).reaches(5);
    expect(pushed).not.toHaveBeenCalled();
    expect(await followers(feed, names)).toHaveLength(1);
    await publish(feed, { key: "A", set: { n: 6 } });
    await subscriber.reaches(6);
  });

  test("[REP8] a replica without subscribers that has slept asks for nothing, and is sent nothing more", async () => {
    const feed = newFeed();
    const names = await emptied(feed);
    for (const name of names) await evictDurableObject(env.FEED_REPLICAS.getByName(name));
    const asked = vi.spyOn(FeedObject.prototype, "follow");
    await publish(feed, { key: "A", set: { n: 2 } });
    await vi.waitFor(async () => expect(await followers(feed, names)).toEqual([]));
    expect(asked).not.toHaveBeenCalled();
  });
});
