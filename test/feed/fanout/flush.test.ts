import { describe, expect, test, vi } from "vitest";
import { DEFAULT_POLICY } from "../../../src/durable/serving/policy.ts";
import { updateMessage } from "../../../src/feed/fanout/encoded-message.ts";
import { Outbox } from "../../../src/feed/fanout/live/outbox.ts";
import { FlushSchedule } from "../../../src/feed/fanout/live/flush-schedule.ts";
import { pendingFor, PendingMemory } from "../../../src/feed/fanout/live/pending.ts";
import { Group, Subscriber } from "../../../src/feed/fanout/subscriber.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, subscriptionOf } from "../recording-subscriber.ts";

/** Subscribers of everything on a feed with the default flush policy. */
function subscribersOfAll(count: number): { fixture: FeedFixture; subscribers: RecordingSubscriber[] } {
  const fixture = new FeedFixture(DEFAULT_POLICY.flush);
  const subscribers = Array.from({ length: count }, () => new RecordingSubscriber());
  for (const subscriber of subscribers) fixture.connect(subscriber);
  fixture.advance(0);
  return { fixture, subscribers };
}

/** Publishes so many batches of 100 updates of one key. */
function publishBatches(fixture: FeedFixture, batches: number): void {
  for (let batch = 0; batch < batches; batch++) {
    fixture.publish(...Array.from({ length: 100 }, (_, i): Update => ({ key: "A", set: { i: 100 * batch + i } })));
  }
}

describe("[MERGE3] [I9] a flush", () => {
  test("holds no copy for each subscriber that came at another moment, and no subscriber misses anything", () => {
    const fixture = new FeedFixture({}, { stepWork: 20_000 });
    const readers = Array.from({ length: 50 }, (_, i) => new RecordingSubscriber([], i % 2 ? "all" : "latest", 0.1));
    for (const [n, reader] of readers.entries()) {
      fixture.publish({ key: "A", set: { n, text: "x".repeat(1_000) } });
      fixture.connect(reader);
    }
    const add = vi.spyOn(Outbox.prototype, "add");
    fixture.advance(20_000);
    const held = new Set(add.mock.calls.map(([{ message }]) => message));
    expect(held.size).toBeGreaterThan(0);
    expect([...held].reduce((sum, { text }) => sum + text.length, 0)).toBeLessThan(150_000);
    for (const reader of readers) expect(reader.view.state()).toEqual(fixture.entries());
    add.mockRestore();
  });

  test("[I2] has nothing for a subscriber that was caught up or left before its turn came", () => {
    const outbox = new Outbox();
    const subscription = subscriptionOf([]);
    const group = new Group("*", subscription, 0, pendingFor(subscription, new PendingMemory()));
    const message = updateMessage("e1", { from: 1, seq: 2, time: 0, updates: [], skipped: 0 });
    const [moved, left, waits] = [0, 1, 2].map(() => {
      const reader = new RecordingSubscriber();
      return new Subscriber(reader, subscription, { epoch: "e1", seq: 1 }, "new");
    });
    for (const subscriber of [moved!, left!, waits!]) {
      group.members.add(subscriber);
      outbox.add({ subscriber, group, from: 1, message });
    }
    moved!.seq = 2;
    group.members.delete(left!);
    const sent: Subscriber[] = [];
    outbox.sendSlice(10, ({ subscriber }) => sent.push(subscriber));
    expect(sent).toEqual([waits]);
  });
});

describe("[MERGE2] updates go out as they come while that is light work", () => {
  test.each([
    ["100 subscribers, 100 updates a second", 100, 10],
    ["1,000 subscribers, 20 updates a second", 1000, 50],
    ["10 subscribers, 1,000 updates a second", 10, 1],
  ])("%s: a message for each", (_, count, every) => {
    const { fixture, subscribers } = subscribersOfAll(count);
    const before = subscribers[0]!.sent.length;
    for (let i = 1; i <= 30; i++) {
      fixture.publish({ key: "A", set: { i } });
      fixture.advance(every);
      expect(subscribers[0]!.sent.length - before).toBe(i);
    }
  });

  test("1,000 subscribers, 100 updates a second: a message each 85 ms or so, by turns, as many in each turn", () => {
    const { fixture, subscribers } = subscribersOfAll(1000);
    const turns: number[] = [];
    for (let i = 0; i < 200; i++) {
      fixture.publish({ key: "A", set: { i } });
      const before = subscribers.map(({ sent }) => sent.length);
      fixture.advance(10);
      if (i >= 100) turns.push(subscribers.filter(({ sent }, s) => sent.length > before[s]!).length);
    }
    expect(Math.max(...turns), "a quarter at a time").toBe(250);
    const times = subscribers.map(({ sent }) => sent.length);
    expect(times[0]).toBeGreaterThan(20);
    expect(times[0]).toBeLessThan(45);
    expect(Math.max(...times) - Math.min(...times), "none more often than others").toBeLessThanOrEqual(1);
  });

  test("3,000 subscribers after a quiet time: the second update does not wait until all have the first", () => {
    const { fixture, subscribers } = subscribersOfAll(3_000);
    const got = (i: number): number => subscribers.filter(({ view }) => view.state()["A"]?.["i"] === i).length;
    fixture.publish({ key: "A", set: { i: 1 } });
    expect(got(1)).toBeLessThanOrEqual(600);
    fixture.publish({ key: "A", set: { i: 2 } });
    for (let slices = 0; slices < 20; slices++) fixture.step();
    expect(got(2), "at once, as the load is light").toBeGreaterThanOrEqual(500);
  });

  test("a load that is over is forgotten", () => {
    const schedule = new FlushSchedule(DEFAULT_POLICY.flush);
    for (let now = 0; now < 1000; now += 10) schedule.offer(1000, now);
    schedule.flushed(1000, 1000, 995);
    expect(schedule.next(1000)).toBeGreaterThan(1000);
    expect(schedule.next(2000)).toBe(2000);
  });

  test("many subscribers of one key each do not count as many subscribers of the same", () => {
    const fixture = new FeedFixture(DEFAULT_POLICY.flush);
    const subscribers = Array.from({ length: 5000 }, (_, i) => new RecordingSubscriber([`k${i}`]));
    for (const subscriber of subscribers) fixture.connect(subscriber);
    for (let i = 0; i < 500; i++) {
      fixture.publish({ key: `k${i}`, set: { i } });
      expect(subscribers[i]!.view.position?.seq, "at once").toBe(i + 1);
      fixture.advance(1);
    }
  });
});

describe("many at once", () => {
  test("a snapshot or a catch-up is encoded once for each selection and position, however many subscribers need it", () => {
    const fixture = new FeedFixture();
    for (let i = 0; i < 100; i++) fixture.publish({ key: `k${i}`, set: { i } });
    const newcomers = Array.from({ length: 50 }, () => new RecordingSubscriber());
    for (const newcomer of newcomers) fixture.connect(newcomer);
    expect(new Set(newcomers.map(({ given }) => given[0])).size, "the very same messages").toBe(1);
    const back = Array.from({ length: 50 }, () => new RecordingSubscriber());
    for (const newcomer of back) {
      newcomer.view.position = { epoch: "e1", seq: 40 };
      fixture.connect(newcomer, "e1:40");
    }
    expect(new Set(back.map(({ given }) => given[0])).size).toBe(1);
    fixture.publish({ key: "k0", set: { i: -1 } });
    const late = new RecordingSubscriber();
    fixture.connect(late);
    expect(late.view.state()["k0"]).toEqual({ i: -1 });
  });
});

describe("[I2] memory that is lost in the middle of a window", () => {
  test.each(["latest", "all"] as const)("loses nothing that waited, mode=%s", (mode) => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], mode, 0.1);
    fixture.connect(slow);
    for (let n = 1; n <= 5; n++) fixture.publish({ key: "A", set: { n } });
    expect(slow.view.position?.seq).toBe(1);
    fixture.rebuild([slow]);
    const numbers = slow.view.updates.map((update) => "set" in update && update.set["n"]);
    expect(numbers).toEqual(mode === "all" ? [1, 2, 3, 4, 5] : [1, 5]);
    expect(slow.view.state()).toEqual(fixture.entries());
  });

  test("[MERGE3] and in the middle of a flush: the next flush serves subscribers that were not reached", () => {
    const fixture = new FeedFixture({ slice: 2 });
    const subscribers = Array.from({ length: 5 }, () => new RecordingSubscriber());
    for (const subscriber of subscribers) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: { n: 1 } });
    expect(subscribers.map(({ view }) => view.position?.seq)).toEqual([1, 1, 0, 0, 0]);
    fixture.rebuild(subscribers);
    fixture.advance(0);
    expect(subscribers.map(({ view }) => view.updates.length)).toEqual([1, 1, 1, 1, 1]);
  });
});

describe("[MERGE2] windows", () => {
  test("a quiet feed sends at once, a busy one sends one message a window", () => {
    const fixture = new FeedFixture();
    const subscriber = new RecordingSubscriber();
    fixture.connect(subscriber);
    const begin = subscriber.sent.length;
    for (let i = 0; i < 100; i++) {
      fixture.publish({ key: `k${i % 4}`, patch: { i } });
      fixture.advance(1);
    }
    fixture.advance(1000);
    const updates = subscriber.sent.slice(begin);
    // The first at once, then one each 50 ms.
    expect(updates.length).toBe(3);
    expect(JSON.parse(updates[0]!).updates).toEqual([{ key: "k0", patch: { i: 0 } }]);
    expect(JSON.parse(updates[1]!)).toMatchObject({ from: 1, skipped: 45 });
    expect(fixture.due, "no timer is wanted while nothing waits").toBeUndefined();
  });

  test("[I4] nothing is due for a group whose last member has left", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "latest", 0.1);
    fixture.connect(slow);
    for (let i = 0; i < 2; i++) fixture.publish({ key: "A", set: { i } });
    expect(fixture.broadcast.due(fixture.now)).toBe(fixture.now + 10_000);
    fixture.disconnect(slow);
    expect(fixture.broadcast.due(fixture.now)).toBeUndefined();
  });

  test("[SEL1] hz limits the messages a second, and may change while a subscriber is live", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 2);
    fixture.connect(slow);
    const count = (seconds: number): number => {
      const before = slow.sent.length;
      for (let i = 0; i < seconds * 100; i++) {
        fixture.publish({ key: "A", patch: { i } });
        fixture.advance(10);
      }
      return slow.sent.length - before;
    };
    expect(count(5)).toBeLessThanOrEqual(11);
    fixture.advance(1000);
    expect(slow.view.updates).toHaveLength(500);
    fixture.broadcast.resubscribe(slow.subscriber!, subscriptionOf([], "all", 10), 1);
    const messages = count(5);
    expect(messages).toBeGreaterThan(40);
    expect(messages).toBeLessThanOrEqual(52);
  });

  test("[MERGE6] [I5] with mode=all and more waiting than memory may hold, updates come from the log, complete and in order", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 0.1);
    fixture.connect(slow);
    fixture.publish({ key: "A", set: { i: -1 } });
    publishBatches(fixture, 120);
    const group = slow.subscriber!.group!;
    expect(group.pending.size).toBeLessThanOrEqual(10_000);
    fixture.advance(20_000);
    expect(slow.view.updates).toHaveLength(12_001);
  });

  test("[MERGE5] a subscriber that the log no longer reaches gets a snapshot, with reason lagging", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 0.1);
    fixture.connect(slow);
    fixture.publish({ key: "A", set: { i: -1 } });
    publishBatches(fixture, 120);
    fixture.log.start = 10_000;
    fixture.advance(20_000);
    expect(JSON.parse(slow.sent.at(-1)!)).toMatchObject({
      type: "snapshot",
      reason: "lagging",
      entries: { A: { i: 11_999 } },
    });
  });
});
