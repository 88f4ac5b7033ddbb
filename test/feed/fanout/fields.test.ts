import { describe, expect, test, vi } from "vitest";
import { Fields } from "../../../src/protocol/fields.ts";
import { findUpdates } from "../../../src/feed/state/record-lines.ts";
import type { SelectedRecord } from "../../../src/feed/state/record.ts";
import type { Message } from "../../support/view.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, subscriptionOf } from "../recording-subscriber.ts";

const QUOTE = { last: 1, bid: 2, name: "x" };

/** A subscriber of the fields `last` and `bid`, connected at a feed that has the entry A. */
function watching(fixture: FeedFixture, mode: "latest" | "all" = "latest"): RecordingSubscriber {
  fixture.publish({ key: "A", set: QUOTE });
  const subscriber = new RecordingSubscriber([], mode, undefined, ["last", "bid"]);
  fixture.connect(subscriber);
  return subscriber;
}

/** A subscriber of one field that was here before. */
function subscriberAt(seq: number, field: string): RecordingSubscriber {
  const subscriber = new RecordingSubscriber([], "latest", undefined, [field]);
  subscriber.view.position = { epoch: "e1", seq };
  return subscriber;
}

/** What it is sent while something happens. */
function told({ view }: RecordingSubscriber, happens: () => void): Message[] {
  const before = view.messages.length;
  happens();
  return view.messages.slice(before);
}

describe("[FIELD3] live", () => {
  test("a patch of other fields is not sent, and the position moves with the next message", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    expect(told(subscriber, () => fixture.publish({ key: "A", patch: { name: "y" } }))).toEqual([]);
    expect(fixture.due, "nothing waits for anybody").toBeUndefined();
    const [message] = told(subscriber, () => {
      fixture.publish({ key: "A", patch: { last: 3, name: "z" } });
      fixture.advance(60);
    });
    expect(message).toMatchObject({ from: 1, seq: 3, updates: [{ key: "A", patch: { last: 3 } }] });
    expect(message).not.toHaveProperty("skipped");
  });

  test.each(["latest", "all"] as const)("what makes an entry is sent, whatever it names: %s", (mode) => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture, mode);
    const updates = told(subscriber, () => {
      fixture.publish({ key: "new", patch: { name: "n" } });
      fixture.advance(60);
      fixture.publish({ key: "new", delete: true });
      fixture.advance(60);
      fixture.publish({ key: "new", patch: { name: "n" } }, { key: "new", patch: { name: "m" } });
      fixture.advance(60);
      fixture.publish({ key: "new", set: { name: "s" }, ttl: 1 });
      fixture.advance(2_000);
      fixture.publish({ key: "new", patch: {} });
      fixture.advance(60);
    }).flatMap(({ updates }) => updates);
    const key = "new";
    const made = { key, patch: {} };
    expect(updates).toEqual([made, { key, delete: true }, made, { key, set: {}, ttl: 1 }, { key, delete: true }, made]);
  });

  test("of a batch that deletes and makes again, all that counts is told", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    fixture.publish({ key: "A", patch: { name: "a" } }, { key: "A", delete: true }, { key: "A", patch: { name: "b" } });
    fixture.advance(60);
    expect(subscriber.view.state()).toEqual({ A: {} });
  });

  test("what is sent in the place of merged updates is cut too", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    // Sent at once; what follows waits.
    fixture.publish({ key: "A", patch: { bid: 2 } });
    const [message] = told(subscriber, () => {
      // No merge patch can say what these two do.
      fixture.publish({ key: "A", patch: { last: null, name: "y" } });
      fixture.publish({ key: "A", patch: { last: { at: 1 } } });
      fixture.publish({ key: "A", patch: { name: "z" } });
      fixture.advance(60);
    });
    expect(message?.updates).toEqual([{ key: "A", set: { bid: 2, last: { at: 1 } } }]);
    expect(message?.skipped).toBe(1);
  });

  test("[MERGE1] what subscribers of the same fields get is encoded once, and those of others get their own", () => {
    const fixture = new FeedFixture();
    const lists = [["last", "bid"], ["bid", "last", "bid"], ["last"], []];
    const subscribers = lists.map((fields) => new RecordingSubscriber([], "latest", undefined, fields));
    for (const subscriber of subscribers) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: QUOTE });
    fixture.advance(60);
    const [one, same, less, all] = subscribers.map(({ given }) => given.at(-1));
    expect(one).toBe(same);
    expect([one, less, all].map((message) => JSON.parse(message!.text).updates[0].set)).toEqual([
      { last: 1, bid: 2 },
      { last: 1 },
      QUOTE,
    ]);
  });
});

describe("[FIELD4] on return", () => {
  test("keys of which other fields have changed are left out, if the log tells", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    fixture.publish({ key: "B", set: QUOTE });
    fixture.advance(60);
    fixture.disconnect(subscriber);
    fixture.publish({ key: "A", patch: { name: "y" } });
    fixture.publish({ key: "B", patch: { bid: 3, name: "y" } });
    const since = subscriber.view.since!;
    const [message] = told(subscriber, () => fixture.connect(subscriber, since));
    expect(message).toMatchObject({ from: 2, seq: 4, updates: [{ key: "B", set: { last: 1, bid: 3 } }] });
    fixture.disconnect(subscriber);
    fixture.publish({ key: "A", patch: { name: "z" } });
    fixture.log.start = 5;
    subscriber.view.position = { epoch: "e1", seq: 2 };
    const [again] = told(subscriber, () => fixture.connect(subscriber, since));
    expect(again?.updates?.map(({ key }) => key)).toEqual(["B", "A"]);
  });

  test("nothing is left out where one look into the log does not reach the present", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    fixture.disconnect(subscriber);
    for (let i = 0; i < 30; i++) fixture.publish({ key: "B", patch: { name: String(i) } });
    fixture.publish({ key: "A", patch: { last: 3 } });
    const [message] = told(subscriber, () => fixture.connect(subscriber, subscriber.view.since));
    expect(message?.updates?.map(({ key }) => key)).toEqual(["B", "A"]);
  });

  test("what is in memory tells it to all who have missed the same, without the log", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: QUOTE }, { key: "B", set: QUOTE });
    // Somebody has to ask first.
    fixture.connect(subscriberAt(1, "ask"), "e1:1");
    fixture.publish({ key: "A", patch: { name: "y" } });
    fixture.publish({ key: "B", patch: { last: 3 } }, { key: "B", patch: { name: "z" } }, { key: "C", patch: {} });
    const read = vi.spyOn(fixture.log, "read");
    const keysFor = (field: string): unknown => {
      const subscriber = subscriberAt(2, field);
      fixture.connect(subscriber, "e1:2");
      return subscriber.view.messages.flatMap(({ updates }) => updates?.map(({ key }) => key));
    };
    expect([keysFor("last"), keysFor("name"), keysFor("bid")]).toEqual([["B", "C"], ["A", "B", "C"], ["C"]]);
    expect(read).not.toHaveBeenCalled();
  });

  test("beyond what memory is for, the log is asked again", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: QUOTE });
    fixture.connect(subscriberAt(0, "ask"), "e1:0");
    for (let seq = 2; seq <= 13; seq++)
      fixture.publish({ key: "A", patch: { [seq === 2 ? "last" : "name"]: "x".repeat(30_000) } });
    const read = vi.spyOn(fixture.log, "read");
    const touched = [1, 12].map((seq) => {
      const subscriber = subscriberAt(seq, "last");
      fixture.connect(subscriber, `e1:${seq}`);
      return subscriber.view.messages[0]?.updates?.length;
    });
    expect([touched, read.mock.calls.length]).toEqual([[1, 0], 1]);
  });

  test("a subscriber that was there when the memory was lost is sent nothing if only other fields have changed", () => {
    const fixture = new FeedFixture();
    const subscriber = watching(fixture);
    fixture.publish({ key: "A", patch: { name: "y" } });
    expect(told(subscriber, () => fixture.rebuild([subscriber]))).toEqual([]);
    expect(subscriber.subscriber?.group, "it is live").toBeDefined();
  });
});

test("[FIELD5] of lines of earlier versions, a patch may have made its entry", () => {
  const { selection } = subscriptionOf([], "all", undefined, ["last"]);
  const found: SelectedRecord[] = [];
  const patch = '{"key":"A","patch":{"name":"y"},"time":7}';
  findUpdates(`0 1\n${patch}\n1 1 +\n${patch}\n2 1 +1\n${patch}\n${patch}`, 0, selection, found);
  const cut = '{"key":"A","patch":{},"time":7}';
  expect(found.map(({ seq, updates }) => [seq, updates])).toEqual([
    [1, [cut]],
    [4, [cut]],
  ]);
});

test("[SEL3] the answer has all that is selected now if the fields are others, else what was not selected before", () => {
  const fixture = new FeedFixture();
  const subscriber = watching(fixture);
  fixture.publish({ key: "B", set: QUOTE });
  fixture.advance(60);
  const answer = (keys: string[], fields: string[]): unknown =>
    told(subscriber, () => subscriber.ask(fixture.broadcast, keys, fields)).at(-1)?.entries;
  expect(answer(["A"], ["last"])).toEqual({ A: { last: 1 } });
  expect(answer([], ["last"])).toEqual({ B: { last: 1 } });
  expect(answer([], [])).toEqual({ A: QUOTE, B: QUOTE });
});

test("[STEP7] fields count like keys and prefixes", () => {
  const fixture = new FeedFixture({}, { patterns: 100, patternsPerAccount: 9 });
  const refusal = (fields: string[]): unknown =>
    fixture.broadcast.refusal({ account: "one", kind: "key" }, subscriptionOf([], "latest", undefined, fields));
  expect(refusal("abcdefgh".split(""))).toBeUndefined();
  expect(refusal("abcdefghi".split(""))).toBe("rate_limited");
  expect(refusal(["f".repeat(128), "g".repeat(120)]), "long names count as several").toBe("rate_limited");
});

test("[MERGE6] [I7] to find out whom a patch concerns is work: past what a write may do, all read again", () => {
  const fixture = new FeedFixture({}, { additions: 100 });
  fixture.publish({ key: "A", set: {} });
  const few = Array.from({ length: 40 }, (_, i) => new RecordingSubscriber([], "latest", undefined, [`f${i}`]));
  for (const subscriber of few) fixture.connect(subscriber);
  const names = Array.from({ length: 64 }, (_, i) => `n${i}`);
  const patch = Object.fromEntries(names.map((name) => [name, 1]));
  expect(told(few[0]!, () => fixture.publish({ key: "A", patch }))).toEqual([]);
  const many = names.slice(0, 20).map((name) => {
    return new RecordingSubscriber([], "latest", undefined, [name, ...names.map((other) => `${other}x`).slice(1)]);
  });
  for (const subscriber of many) fixture.connect(subscriber);
  // Sent at once; what follows would wait.
  fixture.publish({ key: "B", set: {} });
  fixture.publish({ key: "A", patch: { ...patch, n0: 2 } });
  for (const { subscriber } of [...few, ...many]) expect(subscriber!.group?.pending.size ?? 0).toBe(0);
  fixture.advance(60);
  for (const { view, fields } of many) expect(view.state()["A"]).toEqual({ [fields[0]!]: fields[0] === "n0" ? 2 : 1 });
});

test("[STEP1] [I7] to cut is work: a step looks at no more than to send whole values", () => {
  const fixture = new FeedFixture({}, { stepWork: 100_000, partLength: 20_000 });
  for (let i = 0; i < 100; i++) fixture.publish({ key: `k${i}`, set: { text: "x".repeat(10_000) } });
  let looked = 0;
  const cut = vi.spyOn(Fields.prototype, "cut").mockImplementation((text) => ((looked += text.length), "{}"));
  const subscribers = ["last", "bid", "ask"].map((name) => new RecordingSubscriber([], "latest", undefined, [name]));
  for (const subscriber of subscribers) fixture.connect(subscriber);
  for (let step = 0; fixture.due !== undefined && step < 1_000; step++) {
    expect(looked).toBeLessThan(160_000);
    looked = 0;
    fixture.now = Math.max(fixture.now, fixture.due);
    fixture.step();
  }
  for (const { view } of subscribers) expect(view.entries.size).toBe(100);
  cut.mockRestore();
});

test("[I6] a value that many have cut is looked through three times, whatever each selects", () => {
  const fixture = new FeedFixture();
  const subscribers = Array.from({ length: 50 }, (_, i) => {
    const subscriber = new RecordingSubscriber([], "latest", undefined, [`m${i}`, `m${2 * i}`, "none"]);
    fixture.connect(subscriber);
    return subscriber;
  });
  const cut = vi.spyOn(Fields.prototype, "cut");
  const members = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`m${i}`, 1]));
  for (const change of ["set", "patch", "patch"]) {
    fixture.publish(change === "set" ? { key: "A", set: members } : { key: "A", patch: members });
    fixture.advance(200);
  }
  for (const [i, { view }] of subscribers.entries())
    expect(view.state()).toEqual({ A: i === 0 ? { m0: 1 } : { [`m${i}`]: 1, [`m${2 * i}`]: 1 } });
  expect(cut.mock.calls.length).toBeLessThan(10);
  cut.mockRestore();
});

test("[MERGE8] what is cut for a flush counts as work of sending it", () => {
  const fixture = new FeedFixture();
  for (let i = 0; i < 8; i++) fixture.connect(new RecordingSubscriber([], "latest", undefined, [`m${i}`]));
  fixture.publish({ key: "A", set: Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`m${i}`, 1])) });
  fixture.advance(60);
  let work = 0;
  const step = fixture.broadcast.step.bind(fixture.broadcast);
  vi.spyOn(fixture.broadcast, "step").mockImplementation((now) => {
    const due = step(now);
    work += fixture.broadcast.work;
    return due;
  });
  const patch = Object.fromEntries(Array.from({ length: 6_000 }, (_, i) => [`m${i}`, 2]));
  fixture.publish({ key: "A", patch });
  fixture.advance(200);
  expect(work).toBeGreaterThan(4 * JSON.stringify(patch).length);
});
