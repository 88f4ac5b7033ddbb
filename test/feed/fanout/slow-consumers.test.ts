import { describe, expect, test } from "vitest";
import { FANOUT_LIMITS } from "../../../src/feed/fanout/fanout-limits.ts";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber } from "../recording-subscriber.ts";

const STUCK = FANOUT_LIMITS.backlogHigh + 1;

function fixtureOf(...subscribers: RecordingSubscriber[]): FeedFixture {
  const fixture = new FeedFixture();
  for (const subscriber of subscribers) fixture.connect(subscriber);
  return fixture;
}

describe("[I5] a subscriber that lags", () => {
  test("[LAG1] gets nothing while it lags, and one merged catch-up when it has drained", () => {
    const [slow, quick] = [new RecordingSubscriber(), new RecordingSubscriber()];
    const fixture = fixtureOf(slow, quick);
    slow.waiting = STUCK;
    const before = slow.sent.length;
    for (let i = 0; i < 100; i++) {
      fixture.publish({ key: `k${i % 3}`, patch: { i } });
      fixture.advance(20);
    }
    slow.waiting = SERVER_LIMITS.backlogLow + 1;
    for (let i = 100; i < 103; i++) {
      fixture.advance(SERVER_LIMITS.lagReview);
      fixture.publish({ key: `k${i % 3}`, patch: { i } });
    }
    expect(slow.sent.length, "nothing more is queued for it, though it has taken some").toBe(before);
    expect(quick.view.position?.seq, "the others go on").toBe(103);
    slow.waiting = SERVER_LIMITS.backlogLow;
    fixture.advance(SERVER_LIMITS.lagReview);
    expect(slow.sent.slice(before).map((message) => JSON.parse(message))).toMatchObject([
      { type: "update", from: 0, seq: 103, skipped: 100, updates: [{ key: "k1" }, { key: "k2" }, { key: "k0" }] },
    ]);
    expect(slow.view.state()).toEqual(quick.view.state());
  });

  test("[LAG1] is told of a reset before it has drained: as soon as it would not lag", () => {
    const slow = new RecordingSubscriber();
    const fixture = fixtureOf(slow);
    slow.waiting = STUCK;
    fixture.publish({ key: "A", set: { i: 1 } });
    fixture.advance(100);
    const before = slow.sent.length;
    fixture.reset("e2");
    fixture.advance(SERVER_LIMITS.lagReview);
    expect(slow.sent.length, "it still lags").toBe(before);
    slow.waiting = FANOUT_LIMITS.backlogHigh;
    fixture.advance(SERVER_LIMITS.lagReview);
    expect(slow.sent.slice(before).map((message) => JSON.parse(message))).toMatchObject([
      { type: "snapshot", epoch: "e2", reason: "reset", entries: {} },
    ]);
  });

  test("is looked at again though nothing more is published, and then leaves no timer", () => {
    const slow = new RecordingSubscriber();
    const fixture = fixtureOf(slow);
    slow.waiting = STUCK;
    fixture.publish({ key: "A", set: { i: 1 } });
    fixture.advance(100);
    expect(fixture.due).toBeLessThanOrEqual(fixture.now + SERVER_LIMITS.lagReview);
    slow.waiting = 0;
    fixture.advance(SERVER_LIMITS.lagReview);
    expect(slow.view.state()).toEqual({ A: { i: 1 } });
    expect(fixture.due).toBeUndefined();
  });

  test("[LAG2] that takes nothing for 30 seconds is closed, and forgotten", () => {
    const slow = new RecordingSubscriber();
    const fixture = fixtureOf(slow);
    slow.waiting = STUCK;
    fixture.publish({ key: "A", set: {} });
    fixture.advance(SERVER_LIMITS.stuckTime - 1000);
    expect(slow.dropped).toBe(false);
    fixture.advance(2000);
    expect(slow.dropped).toBe(true);
    expect(fixture.broadcast.subscribers).toBe(0);
    expect(fixture.due).toBeUndefined();
  });

  test("that takes a little now and then is slow, not stuck", () => {
    const slow = new RecordingSubscriber();
    const fixture = fixtureOf(slow);
    slow.waiting = STUCK * 4;
    fixture.publish({ key: "A", set: {} });
    for (let i = 0; i < 10; i++) {
      fixture.advance(SERVER_LIMITS.stuckTime - 1000);
      slow.waiting -= 1;
    }
    expect(slow.dropped).toBe(false);
  });
});
