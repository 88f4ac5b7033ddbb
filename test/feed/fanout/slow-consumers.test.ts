import { describe, expect, test } from "vitest";
import { AckMeter } from "../../../src/feed/fanout/acks.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import { House, PureSubscriber } from "../fixture.ts";

const STUCK = LIMITS.backlogHigh + 1;

function houseOf(...subscribers: PureSubscriber[]): House {
  const house = new House();
  for (const subscriber of subscribers) house.connect(subscriber);
  return house;
}

describe("[I5] a subscriber that lags", () => {
  test("gets no frames while it lags, and one merged catch-up when it has drained", () => {
    const [slow, quick] = [new PureSubscriber([], "latest", undefined), new PureSubscriber([], "latest", undefined)];
    const house = houseOf(slow, quick);
    slow.waiting = STUCK;
    const before = slow.sent.length;
    for (let i = 0; i < 100; i++) {
      house.publish({ key: `k${i % 3}`, patch: { i } });
      house.pass(20);
    }
    expect(slow.sent.length, "nothing more is queued for it").toBe(before);
    expect(quick.view.position?.seq, "the others go on").toBe(100);
    slow.waiting = LIMITS.backlogLow;
    house.pass(LIMITS.lagReview);
    expect(slow.sent.slice(before).map((message) => JSON.parse(message))).toMatchObject([
      { type: "update", from: 0, seq: 100, skipped: 97, updates: [{ key: "k1" }, { key: "k2" }, { key: "k0" }] },
    ]);
    expect(slow.view.state()).toEqual(quick.view.state());
  });

  test("with mode=all gets every update it missed, from the log", () => {
    const slow = new PureSubscriber(["A"], "all", undefined);
    const house = houseOf(slow);
    slow.waiting = STUCK;
    for (let i = 0; i < 50; i++) house.publish({ key: i % 2 ? "A" : "B", set: { i } });
    house.pass(1000);
    expect(slow.view.updates).toEqual([]);
    slow.waiting = 0;
    house.pass(LIMITS.lagReview);
    expect(slow.view.updates).toHaveLength(25);
  });

  test("gets a snapshot, lagging, where the feed can no longer say what it missed", () => {
    const slow = new PureSubscriber([], "all", undefined);
    const house = houseOf(slow);
    house.publish({ key: "A", set: { i: 0 } });
    house.pass(100);
    slow.waiting = STUCK;
    for (let i = 1; i < 50; i++) house.publish({ key: "A", set: { i } });
    house.log.start = 40;
    house.pass(1000);
    slow.waiting = 0;
    house.pass(LIMITS.lagReview);
    expect(JSON.parse(slow.sent.at(-1)!)).toMatchObject({
      type: "snapshot",
      reason: "lagging",
      entries: { A: { i: 49 } },
    });
  });

  test("goes on being looked at though nothing more is published, and then leaves no timer", () => {
    const slow = new PureSubscriber([], "latest", undefined);
    const house = houseOf(slow);
    slow.waiting = STUCK;
    house.publish({ key: "A", set: { i: 1 } });
    house.pass(100);
    expect(house.due).toBeLessThanOrEqual(house.now + LIMITS.lagReview);
    slow.waiting = 0;
    house.pass(LIMITS.lagReview);
    expect(slow.view.state()).toEqual({ A: { i: 1 } });
    expect(house.due).toBeUndefined();
  });

  test("that takes nothing for 30 seconds is closed, and forgotten", () => {
    const slow = new PureSubscriber([], "latest", undefined);
    const house = houseOf(slow);
    slow.waiting = STUCK;
    house.publish({ key: "A", set: {} });
    house.pass(LIMITS.stuckTime - 1000);
    expect(slow.dropped).toBe(false);
    house.pass(2000);
    expect(slow.dropped).toBe(true);
    expect(house.broadcast.subscribers).toBe(0);
    expect(house.due).toBeUndefined();
  });

  test("that takes a little now and then is slow, not stuck", () => {
    const slow = new PureSubscriber([], "latest", undefined);
    const house = houseOf(slow);
    slow.waiting = STUCK * 4;
    house.publish({ key: "A", set: {} });
    for (let i = 0; i < 10; i++) {
      house.pass(LIMITS.stuckTime - 1000);
      slow.waiting -= 1;
    }
    expect(slow.dropped).toBe(false);
  });
});

describe("acks", () => {
  test("a client that never acks is taken to have everything", () => {
    const meter = new AckMeter();
    meter.sent(1, 1_000_000);
    expect(meter.unacknowledged).toBe(0);
  });

  test("once it acks, what it has not acknowledged counts", () => {
    const meter = new AckMeter();
    meter.sent(1, 100);
    meter.acknowledged(1);
    expect(meter.unacknowledged).toBe(0);
    meter.sent(2, 300);
    meter.sent(3, 300);
    expect(meter.unacknowledged).toBe(600);
    meter.acknowledged(3);
    expect(meter.unacknowledged).toBe(0);
  });

  test("a client that acks always a little late is never taken to lag for good", () => {
    const meter = new AckMeter();
    let most = 0;
    for (let seq = 1; seq <= 1000; seq++) {
      meter.sent(seq, 100);
      meter.acknowledged(seq - 5);
      most = Math.max(most, meter.unacknowledged);
    }
    expect(most).toBeLessThanOrEqual(1200);
  });

  test("an ack of what was never sent, or of the past, changes nothing for the worse", () => {
    const meter = new AckMeter();
    meter.sent(5, 100);
    meter.acknowledged(2);
    expect(meter.unacknowledged).toBe(100);
    meter.acknowledged(1_000_000);
    expect(meter.unacknowledged).toBe(100);
  });
});
