import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { newFeed, publish, snapshot } from "../support/api.ts";
import { TestSubscriber } from "../support/subscriber.ts";

/** Selections that are near the bounds of what the server takes, each of so many keys of so many characters. */
const SELECTIONS: [what: string, keys: string[], fields?: string[]][] = [
  ["1,000 keys", keysOf(1_000, 4, "k")],
  ["12,000 characters of keys, one of them not of Latin-1", [...keysOf(100, 118, "k"), "€"]],
  ["keys in emoji", keysOf(90, 33, "😀")],
  ["keys in characters of three bytes", keysOf(95, 42, "€")],
  ["keys and fields, each with one that is not of Latin-1", [...keysOf(48, 118, "k"), "€"], fieldsOf(53, 118, "€")],
  ["the most fields of one byte", keysOf(32, 118, "k"), fieldsOf(63, 128, "p")],
  ["fields in emoji", ["€"], fieldsOf(24, 127, "😀")],
];

function keysOf(count: number, length: number, fill: string): string[] {
  return Array.from({ length: count }, (_, i) => fill.repeat(length - `${i}`.length) + i);
}

function fieldsOf(count: number, length: number, fill: string): string[] {
  return [...keysOf(count - 1, length, fill === "€" ? "f" : fill), fill, "p"];
}

describe.each(SELECTIONS)("a selection of %s", (_, keys, fields) => {
  const query = `?keys=${encodeURIComponent(keys.join())}${fields ? `&fields=${encodeURIComponent(fields.join())}` : ""}`;
  const cut = fields ? {} : { other: 1 };
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
      { key: first, set: { p: 2, other: 1 } },
    ]);
    await Promise.all([subscriber.reaches(4), other.reaches(4)]);
    expect(subscriber.state()).toEqual({ [last]: { p: 1 }, [first]: { p: 2, ...cut } });
    expect(other.state()).toEqual({ [last]: { p: 1 }, [first]: { p: 2, other: 1 }, other: {} });
  });

  test("can be asked for by a subscribe message, and outlives a restart", async () => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, "?keys=nothing");
    subscriber.send({ type: "subscribe", id: 1, keys, ...(fields && { fields }) });
    await subscriber.message("snapshot", 1);
    await evictDurableObject(env.FEEDS.getByName(feed));
    await publish(feed, [
      { key: "nothing", set: {} },
      { key: last, set: { p: 1, other: 1 } },
    ]);
    await subscriber.reaches(2);
    expect(subscriber.state()).toEqual({ [last]: { p: 1, ...cut } });
  });
});
