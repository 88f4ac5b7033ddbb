import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FeedObject } from "../../src/durable/feed-object.ts";
import { Following } from "../../src/durable/replica/following.ts";
import { ReplicaObject } from "../../src/durable/replica/replica-object.ts";
import { FeedClock } from "../http/support/feed-clock.ts";
import { newFeed, publish, snapshot } from "../support/api.ts";
import { TestSubscriber, upgrade } from "../support/subscriber.ts";
import { busyReplicas, cutLinks, remove, spread } from "./spread.ts";

let clock: FeedClock;

beforeEach(() => void (clock = new FeedClock()));
afterEach(() => {
  clock.restore();
  vi.restoreAllMocks();
});

/** Has the alarms of replicas go off ten minutes later. Returns how many had one set. */
async function tenMinutesLater(replicas: readonly { readonly name: string }[]): Promise<number> {
  clock.advance(10 * 60_000);
  let count = 0;
  for (const { name } of replicas) if (await runDurableObjectAlarm(env.FEED_REPLICAS.getByName(name))) count++;
  return count;
}

/** Removes a feed while its replicas cannot be reached. */
async function removeUnheard(feed: string): Promise<void> {
  const missed = vi.spyOn(ReplicaObject.prototype, "forget").mockRejectedValue(new Error("the link is cut"));
  await remove(feed, "?forget=true");
  missed.mockRestore();
}

/** Does something while leaders lack methods, as those of another deployment. */
async function without(methods: readonly string[], action: () => Promise<void>): Promise<void> {
  const known = methods.map((method) => Object.getOwnPropertyDescriptor(FeedObject.prototype, method));
  for (const method of methods) Reflect.deleteProperty(FeedObject.prototype, method);
  try {
    await action();
  } finally {
    for (const [i, method] of methods.entries()) Object.defineProperty(FeedObject.prototype, method, known[i]!);
  }
}

describe("a feed with replicas", () => {
  test("[REP4] a reset while the links are cut reaches all subscribers once they are mended", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    cutLinks();
    await remove(feed);
    await publish(feed, { key: "B", set: { n: 1 } });
    vi.restoreAllMocks();
    clock = new FeedClock();
    await publish(feed, { key: "C", set: { n: 1 } });
    for (const subscriber of subscribers) {
      await vi.waitFor(() => expect(subscriber.state()).toEqual({ B: { n: 1 }, C: { n: 1 } }));
    }
  });

  test("[REP4] one of mode=all hears of the reset, and of nothing older, if the leader's log is gone with it", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed, "?mode=all");
    cutLinks();
    await publish(feed, { key: "A", set: { n: 2 } });
    for (const { name } of await busyReplicas(feed)) await evictDurableObject(env.FEED_REPLICAS.getByName(name));
    const readLog = vi.spyOn(FeedObject.prototype, "readLog").mockImplementationOnce(function (this: FeedObject) {
      return this.reset("admin").then(() => undefined);
    });
    // Replicas have them, and those that were there lack what only the log has.
    const others = await Promise.all(Array.from({ length: 6 }, () => TestSubscriber.connect(feed)));
    await vi.waitFor(() => expect(readLog).toHaveBeenCalled());
    vi.restoreAllMocks();
    await publish(feed, { key: "B", set: { n: 1 } });
    for (const subscriber of [...subscribers, ...others]) {
      await vi.waitFor(() => expect(subscriber.state()).toEqual({ B: { n: 1 } }));
      expect(subscriber.view.messages.map(({ reason }) => reason)).not.toContain("lagging");
    }
  });

  test("[REP11] a replica that missed the feed's removal closes its subscribers once it asks", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const replicas = await busyReplicas(feed);
    await removeUnheard(feed);
    expect(subscribers.filter(({ closed }) => !closed)).not.toEqual([]);
    expect(await tenMinutesLater(replicas)).toBe(replicas.length);
    for (const subscriber of subscribers) await vi.waitFor(() => expect(subscriber.closed?.code).toBe(4404));
  });

  test("[REP11] a replica that its leader has lost follows again once it asks, also if it has slept", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const replicas = await busyReplicas(feed);
    await removeUnheard(feed);
    await publish(feed, { key: "B", set: { n: 1 } });
    await evictDurableObject(env.FEED_REPLICAS.getByName(replicas[0]!.name));
    await tenMinutesLater(replicas);
    await publish(feed, { key: "C", set: { n: 1 } });
    const open = subscribers.filter(({ closed }) => !closed);
    expect(open).not.toEqual([]);
    for (const subscriber of open) {
      await vi.waitFor(() => expect(subscriber.state()).toEqual({ B: { n: 1 }, C: { n: 1 } }));
    }
  });

  test("[REP11] a replica whose leader is to have none sends its subscribers away", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const replicas = await busyReplicas(feed);
    vi.spyOn(FeedObject.prototype, "standing").mockReturnValue("dismissed");
    await tenMinutesLater(replicas);
    await vi.waitFor(() => expect(subscribers.filter(({ closed }) => closed?.code === 1012).length).toBeGreaterThan(2));
  });

  test("[REP11] a replica that hears of its leader asks nothing, and one without subscribers sets no alarm", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    const replicas = await busyReplicas(feed);
    const standing = vi.spyOn(FeedObject.prototype, "standing");
    clock.advance(9 * 60_000);
    await publish(feed, { key: "A", set: { n: 2 } });
    for (const subscriber of subscribers) await subscriber.reaches(2);
    standing.mockClear();
    clock.advance(-9 * 60_000);
    expect(await tenMinutesLater(replicas)).toBe(replicas.length);
    expect(standing).not.toHaveBeenCalled();
    for (const subscriber of subscribers) subscriber.close();
    await vi.waitFor(async () => expect(await busyReplicas(feed)).toEqual([]));
    await tenMinutesLater(replicas);
    expect(await tenMinutesLater(replicas)).toBe(0);
  });

  test("[REP6] goes on if one side is of a deployment that does not know what the other asks", async () => {
    const feed = newFeed();
    const subscribers = await spread(feed);
    await without(["report", "standing"], async () => {
      subscribers.push(await (await TestSubscriber.connect(feed)).reaches(1));
      await tenMinutesLater(await busyReplicas(feed));
      await publish(feed, { key: "A", set: { n: 2 } });
      for (const subscriber of subscribers) await subscriber.reaches(2);
    });
    const cold = newFeed();
    await publish(cold, { key: "A", set: { n: 1 } });
    await without(["follow"], async () => {
      // No replica of this feed can begin: the leader serves all.
      for (let i = 0; i < 4; i++) await (await TestSubscriber.connect(cold)).reaches(1);
      expect(await snapshot(cold)).toMatchObject({ seq: 1 });
      expect(await busyReplicas(cold)).toEqual([]);
    });
  });

  test("[REP6] tells the operator why replicas cannot ask, once and not for each of them", async () => {
    const feed = newFeed();
    await spread(feed);
    const told = vi.spyOn(console, "error").mockReturnValue();
    vi.spyOn(Following.prototype, "refresh").mockRejectedValue(new Error("the leader is down"));
    for (let i = 0; i < 9; i++) await upgrade(feed);
    const lines = told.mock.calls.map(([text, error]) => `${text}: ${error}`);
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(new Set(lines)).toEqual(new Set(["tickertape: the leader cannot be reached: Error: the leader is down"]));
  });
});
