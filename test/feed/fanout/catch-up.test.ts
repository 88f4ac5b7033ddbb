import { describe, expect, test, vi } from "vitest";
import type { ReadResult } from "../../../src/feed/fanout/catch-up/reader.ts";
import type { Sink } from "../../../src/feed/fanout/subscriber.ts";
import { Entries } from "../../../src/feed/state/entries.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, SILENT, subscriptionOf } from "../recording-subscriber.ts";

/** So many entries, each with a key of its own. */
function many(count: number, prefix: string): Update[] {
  return Array.from({ length: count }, (_, i): Update => ({ key: `${prefix}${i}`, set: {} }));
}

describe("[I7] a catch-up", () => {
  test("[STEP5] that fails closes its subscriber, and no other of the account", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: {} });
    const [bad, good] = [new RecordingSubscriber([], "all"), new RecordingSubscriber()];
    fixture.log.read = () => {
      throw new Error("bad");
    };
    const failures: unknown[] = [];
    fixture.failed = (error) => void failures.push(error);
    good.view.position = { epoch: "e1", seq: 0 };
    fixture.connect(bad, "e1:0");
    fixture.connect(good, "e1:0");
    fixture.advance(100);
    expect([bad.dropped, good.dropped, failures]).toEqual([true, false, [new Error("bad")]]);
    expect(good.view.state()).toEqual(fixture.entries());
    expect(fixture.broadcast.subscribers).toBe(1);
  });

  test.for([
    ["new", "latest"],
    ["back", "latest"],
    ["back", "all"],
  ] as const)(
    "[STEP1] of very many that come at once ends, though something changes between any two of their turns: %s, mode=%s",
    ([are, mode]) => {
      const fixture = new FeedFixture({ capacity: 1_000_000 }, { stepWork: 1 });
      fixture.publish({ key: "A", set: { n: 0 } });
      const subscribers = Array.from({ length: 10 }, (_, i) => {
        const subscriber = new RecordingSubscriber([], mode);
        subscriber.account = `account ${i}`;
        return subscriber;
      });
      if (are === "back") {
        for (const subscriber of subscribers) fixture.connect(subscriber);
        fixture.advance(1_000);
        for (const subscriber of subscribers) fixture.disconnect(subscriber);
        fixture.publish({ key: "A", patch: { n: 1 } });
      }
      for (const subscriber of subscribers) fixture.connect(subscriber, are === "back" ? "e1:1" : undefined);
      for (let n = 2; n <= 100; n++) fixture.publish({ key: "A", patch: { n } });
      expect(subscribers.filter(({ subscriber }) => subscriber?.catchUp !== undefined)).toEqual([]);
    },
  );

  test("[STEP1] of forty messages that each select anew lets the updates of others pass", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 });
    for (let i = 0; i < 20; i++) fixture.publish(...many(1000, `${i}.k`));
    const [greedy, honest] = [new RecordingSubscriber(["none"]), new RecordingSubscriber(["A"], "all")];
    greedy.account = "greedy";
    for (const subscriber of [greedy, honest]) fixture.connect(subscriber);
    fixture.advance(1000);
    const before = greedy.sent.length;
    for (let i = 0; i < 40; i++)
      greedy.ask(fixture.broadcast, [`${i % 20}.*`, `${(i + 1) % 20}.*`, `${(i + 2) % 20}.k*`]);
    expect(greedy.sent.length - before, "some are answered at once").toBeGreaterThan(0);
    expect(greedy.sent.length - before, "and not all").toBeLessThan(40);
    fixture.publish({ key: "A", set: {} });
    expect(honest.view.updates).toHaveLength(1);
    fixture.advance(1000);
    expect(greedy.sent.length - before).toBeGreaterThanOrEqual(40);
    expect(fixture.due).toBeUndefined();
  });

  test("to another selection costs what is new in it, and not what the subscriber has", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 });
    for (let i = 0; i < 20; i++) fixture.publish(...many(1000, `k.${10 + i}.`));
    const parts = Array.from({ length: 20 }, (_, i) => `k.${10 + i}.*`);
    const sent: string[] = [];
    const sink: Sink = { ...SILENT, send: ({ text }) => void sent.push(text) };
    const reader = fixture.broadcast.subscribe(sink, subscriptionOf(["k.*"]), undefined);
    fixture.advance(1000);
    const looks = vi.spyOn(String.prototype, "startsWith");
    for (const keys of [parts, ["k.*"], [...parts, "other"], ["k.*", "k"]]) {
      looks.mockClear();
      fixture.broadcast.resubscribe(reader, subscriptionOf(keys), 1);
      fixture.advance(1000);
      expect(looks.mock.calls.length).toBeLessThan(1_000);
      expect(JSON.parse(sent.at(-1)!)).toMatchObject({ type: "snapshot", id: 1, entries: {} });
    }
    looks.mockRestore();
  });

  test("that waits for a list costs nothing until a list is released, and then gets its turn", () => {
    const fixture = new FeedFixture({}, { partLength: 1000, backlogHigh: 1000 });
    fixture.publish(...many(500, "k."));
    const readers = Array.from({ length: 50 }, (_, i) => {
      const prefixes = Array.from({ length: 100 }, (_, j) => `k.${j}*`);
      const reader = new RecordingSubscriber([...prefixes, `own${i}`]);
      reader.slow = true;
      fixture.connect(reader);
      return reader;
    });
    fixture.advance(100);
    expect(fixture.broadcast.snapshots.inUse.size).toBe(4);
    const looks = vi.spyOn(Entries.prototype, "mostSelected");
    for (let i = 0; i < 10; i++) {
      fixture.publish({ key: "other", set: { i } });
      fixture.advance(100);
    }
    expect(looks.mock.calls.length).toBe(0);
    fixture.disconnect(readers[0]!);
    fixture.advance(100);
    expect(looks.mock.calls.length, "the size of each request is known").toBeLessThan(10);
    expect(readers.filter(({ sent }) => sent.length > 0)).toHaveLength(5);
    looks.mockRestore();
  });

  test("[STEP4] does not read the log if no selected key has changed", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "mine", set: {} });
    for (let i = 0; i < 100; i++) fixture.publish({ key: "other", set: { i } });
    let looks = 0;
    const read = fixture.log.read.bind(fixture.log);
    fixture.log.read = (...asked) => (looks++, read(...asked));
    const sleeper = new RecordingSubscriber(["mine", "my.*"], "all");
    sleeper.view.position = { epoch: "e1", seq: 1 };
    fixture.connect(sleeper, "e1:1");
    fixture.advance(10);
    expect(looks).toBe(0);
    expect(sleeper.sent.map((message) => JSON.parse(message))).toMatchObject([{ from: 1, seq: 101, updates: [] }]);
    fixture.rebuild([sleeper]);
    fixture.publish({ key: "mine", patch: { n: 1 } });
    fixture.advance(10);
    expect(looks).toBe(0);
    expect(sleeper.view.updates).toHaveLength(1);
  });

  test("[I2] that reads the log ends with a reset, though the new epoch is longer than what was read", () => {
    const fixture = new FeedFixture({}, { stepWork: 1, partLength: 1 });
    for (let n = 0; n < 50; n++) fixture.publish({ key: "A", set: { n } });
    const reader = new RecordingSubscriber([], "all");
    reader.view.position = { epoch: "e1", seq: 0 };
    fixture.connect(reader, "e1:0");
    while (reader.sent.length === 0) fixture.broadcast.step(fixture.now);
    fixture.reset("e2");
    fixture.publish(...many(100, "k"));
    fixture.advance(1_000);
    expect(reader.view.reasons.at(-1)).toBe("reset");
    expect(reader.view.state()).toEqual(fixture.entries());
  });

  test("[I2] is a snapshot if the server lost its memory before it told of a reset, at the same seq or not", () => {
    const fixture = new FeedFixture();
    const reader = new RecordingSubscriber();
    fixture.connect(reader);
    fixture.publish({ key: "A", set: {} });
    fixture.feed.reset("e2");
    const acceptance = fixture.feed.accept(['{"key":"B","set":{}}'], fixture.now);
    fixture.log.records.splice(0, 1, ...(acceptance.ok && acceptance.record ? [acceptance.record] : []));
    fixture.rebuild([reader]);
    fixture.advance(10);
    expect(reader.view.position).toEqual({ epoch: "e2", seq: 1 });
    expect(reader.view.state()).toEqual({ B: {} });
  });

  test("[I1] waits for a commit if the feed has more than was committed, and asks for it", () => {
    const fixture = new FeedFixture();
    const acceptance = fixture.feed.accept(['{"key":"A","set":{}}'], fixture.now);
    const subscriber = new RecordingSubscriber();
    fixture.connect(subscriber);
    fixture.broadcast.step(fixture.now);
    expect(subscriber.sent, "nothing is shown before it is committed").toEqual([]);
    expect(fixture.broadcast.needsCommit(fixture.now)).toBe(true);
    if (acceptance.ok && acceptance.record) fixture.broadcast.deliver([acceptance.record], fixture.now);
    fixture.broadcast.step(fixture.now);
    expect(subscriber.view.state()).toEqual({ A: {} });
    expect(fixture.broadcast.needsCommit(fixture.now)).toBe(false);
  });

  const ENDS = {
    position_expired: (fixture: FeedFixture): void => void (fixture.log.start = 40),
    epoch_changed: (fixture: FeedFixture): void => fixture.reset("e2"),
  };

  test.for(["position_expired", "epoch_changed"] as const)(
    "[I1] and so does a read of the log that has to end with a snapshot: %s",
    (reason) => {
      const fixture = new FeedFixture({}, { stepWork: 1 });
      for (let n = 0; n < 50; n++) fixture.publish({ key: "A", set: { n } });
      const found = vi.fn<(result: ReadResult | undefined) => void>();
      const query = { subscription: subscriptionOf([], "all"), since: { epoch: "e1", seq: 0 } };
      fixture.broadcast.read("somebody", query, { found, failed: fixture.failed });
      ENDS[reason](fixture);
      const acceptance = fixture.feed.accept(['{"key":"B","set":{}}'], fixture.now);
      for (let i = 0; i < 3; i++) fixture.broadcast.step(fixture.now);
      expect(found, "nothing is shown before it is committed").not.toHaveBeenCalled();
      expect(fixture.broadcast.needsCommit(fixture.now)).toBe(true);
      if (acceptance.ok && acceptance.record) fixture.broadcast.deliver([acceptance.record], fixture.now);
      fixture.broadcast.step(fixture.now);
      expect(found.mock.calls).toMatchObject([[{ kind: "list", reason, list: { seq: fixture.feed.seq } }]]);
    },
  );

  test("[I7] but gets it at once if all is committed: nobody takes the memory that it lets go of in between", () => {
    const fixture = new FeedFixture({}, { stepWork: 1 });
    for (let n = 0; n < 50; n++) fixture.publish({ key: "A", set: { n } });
    const found = vi.fn<(result: ReadResult | undefined) => void>();
    const query = { subscription: subscriptionOf([], "all"), since: { epoch: "e1", seq: 0 } };
    fixture.broadcast.read("somebody", query, { found, failed: fixture.failed });
    expect(found).not.toHaveBeenCalled();
    ENDS.position_expired(fixture);
    fixture.broadcast.step(fixture.now);
    expect(found.mock.calls).toMatchObject([[{ kind: "list", reason: "position_expired" }]]);
  });
});

test("[I7] short answers that are cut to fields take turns, counted by what is cut", () => {
  const fixture = new FeedFixture();
  const value = Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`m${i}`, 1]));
  for (const key of ["A", "B", "C"]) fixture.publish({ key, set: value });
  const found = vi.fn<(result: ReadResult | undefined) => void>();
  const query = { subscription: subscriptionOf([], "latest", undefined, ["m1"]), since: undefined };
  for (let i = 0; i < 30; i++) fixture.broadcast.read("somebody", query, { found, failed: fixture.failed });
  expect(found.mock.calls.length).toBeLessThan(10);
  for (let i = 0; i < 10; i++) fixture.broadcast.step(fixture.now);
  expect(found).toHaveBeenCalledTimes(30);
});
