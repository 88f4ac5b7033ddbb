import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, publish, snapshot } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

/** Selections that are near the bounds of what the server takes, each of so many keys of so many characters. */
const SELECTIONS: [what: string, keys: string[]][] = [
  ["1,000 keys", keysOf(1_000, 4, "k")],
  ["12,000 characters of keys, one of them not of Latin-1", [...keysOf(100, 118, "k"), "€"]],
  ["keys in emoji", keysOf(90, 33, "😀")],
  ["keys in characters of three bytes", keysOf(95, 42, "€")],
];

function keysOf(count: number, length: number, fill: string): string[] {
  return Array.from({ length: count }, (_, i) => fill.repeat(length - `${i}`.length) + i);
}

describe.each(SELECTIONS)("a selection of %s", (_, keys) => {
  const query = `?keys=${encodeURIComponent(keys.join())}`;
  const [first, last] = [keys[0]!, keys.at(-1)!];

  test("reads a snapshot, and subscribes over a restart, beside others", async () => {
    const feed = newFeed();
    const [subscriber, other] = [await TestSubscriber.connect(feed, query), await TestSubscriber.connect(feed)];
    await subscriber.message("snapshot");
    await publish(feed, [
      { key: last, set: { p: 1 } },
      { key: "other", set: {} },
    ]);
    await subscriber.reaches(2);
    expect(await snapshot(feed, query)).toMatchObject({ seq: 2, entries: { [last]: { p: 1 } } });
    await evictDurableObject(env.FEEDS.getByName(feed));
    await publish(feed, [
      { key: "other", set: {} },
      { key: first, set: { p: 2 } },
    ]);
    await Promise.all([subscriber.reaches(4), other.reaches(4)]);
    expect(subscriber.state()).toEqual({ [last]: { p: 1 }, [first]: { p: 2 } });
    expect(other.state()).toEqual({ ...subscriber.state(), other: {} });
  });

  test("can be asked for by a subscribe message, and outlives a restart", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, "?keys=nothing");
    subscriber.send({ type: "subscribe", id: 1, keys });
    await subscriber.message("snapshot", 1);
    await evictDurableObject(env.FEEDS.getByName(feed));
    await publish(feed, [
      { key: "nothing", set: {} },
      { key: last, set: { p: 1 } },
    ]);
    await subscriber.reaches(2);
    expect(subscriber.state()).toEqual({ [last]: { p: 1 } });
  });
});
