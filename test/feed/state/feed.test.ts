import { describe, expect, test } from "vitest";
import { Feed } from "../../../src/feed/state/feed.ts";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import type { Update } from "../../../src/protocol/update.ts";
import type { Message } from "../../support/view.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, subscriptionOf } from "../recording-subscriber.ts";

const limits = { keys: 3, length: 1000, history: 1 };

function accept(feed: Feed, ...updates: Update[]): ReturnType<Feed["accept"]> {
  return feed.accept(
    updates.map((update) => JSON.stringify(update)),
    0,
  );
}

/** What a client gets that resumes from a seq. */
function comeBack(fixture: FeedFixture, keys: readonly string[], mode: "latest" | "all", seq: number): Message[] {
  const subscriber = new RecordingSubscriber(keys, mode);
  subscriber.view.position = { epoch: fixture.feed.epoch, seq };
  // Its messages are not checked against the log: what it had before is not known.
  fixture.connect(subscriber, `${fixture.feed.epoch}:${seq}`);
  fixture.advance(0);
  return subscriber.sent.map((message): Message => JSON.parse(message));
}

describe("acceptance", () => {
  test("[POS2] seq goes up by one for every accepted update, and stale ones are counted and left out", () => {
    const feed = Feed.begin("e");
    const acceptance = accept(
      feed,
      { key: "A", set: { p: 1 }, version: 2 },
      { key: "A", set: { p: 0 }, version: 2 },
      { key: "A", set: { p: 2 } },
      { key: "A", patch: { q: 1 }, version: 3 },
    );
    expect(acceptance).toMatchObject({ ok: true, receipt: { epoch: "e", seq: 3, accepted: 3, stale: 1 } });
    expect(feed.entries.get("A")?.value).toEqual({ p: 2, q: 1 });
  });

  test("[PUB7] a version outlives the deletion of its key", () => {
    const feed = Feed.begin("e");
    accept(feed, { key: "A", set: {}, version: 5 }, { key: "A", delete: true });
    expect(accept(feed, { key: "A", set: {}, version: 4 })).toMatchObject({ receipt: { stale: 1 } });
    expect(accept(feed, { key: "A", set: {}, version: 6 })).toMatchObject({ receipt: { accepted: 1 } });
  });

  test("[I2] a batch may have the deletion forgotten of a key that it then sets: its prefix still finds it", () => {
    const feed = Feed.begin("e");
    const keys = Array.from({ length: SERVER_LIMITS.tombstones }, (_, i) => `k${i}`);
    accept(feed, ...keys.map((key): Update => ({ key, delete: true })));
    accept(feed, { key: "other", delete: true }, { key: "k0", set: {} });
    expect(Array.from(feed.entries.select(subscriptionOf(["k*"]).selection), ({ key }) => key)).toEqual(["k0"]);
  });

  test("[PUB12] [I3] a batch that would overfill the feed changes nothing, and one that shrinks it is accepted", () => {
    const feed = Feed.begin("e", limits);
    accept(feed, { key: "A", set: {} }, { key: "B", set: {} }, { key: "C", set: {} });
    expect(accept(feed, { key: "A", set: { p: 1 } }, { key: "D", set: {} })).toMatchObject({
      ok: false,
      code: "feed_full",
    });
    expect(feed.seq).toBe(3);
    expect(feed.entries.get("A")?.value).toEqual({});
    expect(accept(feed, { key: "A", delete: true }, { key: "D", set: {} })).toMatchObject({ ok: true });
    const text = "x".repeat(900);
    expect(accept(feed, { key: "D", set: { text } })).toMatchObject({ ok: true });
    expect(accept(feed, { key: "B", set: { text } })).toMatchObject({ ok: false, code: "feed_full" });
    expect(accept(feed, { key: "D", set: {} })).toMatchObject({ ok: true });
  });
});

describe("[I2] resume", () => {
  test("[SUB3] only forgotten deletions make a position expire", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: {} });
    for (let i = 0; i < SERVER_LIMITS.tombstones + 10; i += 10) {
      const keys = Array.from({ length: 10 }, (_, k) => `k${i + k}`);
      fixture.publish(
        ...keys.flatMap((key): Update[] => [
          { key, set: {} },
          { key, delete: true },
        ]),
      );
    }
    expect(comeBack(fixture, [], "latest", 1)).toMatchObject([{ type: "snapshot", reason: "position_expired" }]);
    // The tenth deletion is the last one forgotten: seq 1 + 2 * 10.
    expect(comeBack(fixture, [], "latest", 20)).toMatchObject([{ type: "snapshot" }]);
    expect(comeBack(fixture, [], "latest", 21)).toMatchObject([{ type: "update" }]);
    expect(comeBack(fixture, [], "latest", fixture.feed.seq)).toMatchObject([{ type: "update", updates: [] }]);
  });

  test("[SUB3] a client that missed more than a snapshot would cost gets the snapshot", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: {} });
    const text = "x".repeat(60_000);
    for (let i = 0; i < 20; i++) fixture.publish({ key: `k${i}`, set: { text } });
    expect(comeBack(fixture, [], "latest", 1)[0]).toMatchObject({ type: "snapshot", reason: "position_expired" });
    expect(comeBack(fixture, ["k3"], "latest", 1)).toMatchObject([{ type: "update" }]);
  });

  test("[MERGE7] [I3] mode=all comes in several messages that never split a batch", () => {
    const fixture = new FeedFixture();
    const text = "x".repeat(1000);
    for (let i = 0; i < 40; i++) {
      fixture.publish(...Array.from({ length: 50 }, (_, k): Update => ({ key: `k${k}`, set: { i, text } })));
    }
    const messages = comeBack(fixture, [], "all", 0);
    expect(messages.length).toBeGreaterThan(3);
    expect(messages.every(({ type, seq }) => type === "update" && seq! % 50 === 0)).toBe(true);
    expect(messages.flatMap(({ updates }) => updates)).toHaveLength(2000);
  });
});
