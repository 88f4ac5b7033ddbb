import { describe, expect, test, vi } from "vitest";
import { Unacknowledged } from "../../../src/feed/fanout/backlog/unacknowledged.ts";
import { Entries } from "../../../src/feed/state/entries.ts";
import type { Job, StepResult } from "../../../src/feed/fanout/catch-up/jobs.ts";
import { Jobs } from "../../../src/feed/fanout/catch-up/jobs.ts";
import { composeInto, MergedUpdate } from "../../../src/feed/fanout/live/merged-update.ts";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture, RecordingSubscriber, subscriptionOf } from "../fixture.ts";

/** So many entries, each of its own key. */
function many(count: number, prefix: string): Update[] {
  return Array.from({ length: count }, (_, i): Update => ({ key: `${prefix}${i}`, set: {} }));
}

function keysFrom(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${from + i}`);
}

function bad(): never {
  throw new Error("bad");
}

describe("[I7] work that is long is done in steps", () => {
  test("by turns of those who asked for it, so that one who asks for much waits alone", () => {
    const done: string[] = [];
    const jobOf = (account: string, name: string): Job => ({
      account,
      needsCommit: false,
      isReady: () => true,
      fail: () => {},
      end: () => {},
      step(_, meter): StepResult {
        meter.work += 40;
        done.push(name);
        return name === "endless" || done.length < 50 ? "more" : "done";
      },
    });
    const jobs = new Jobs(1000);
    for (let i = 0; i < 10; i++) jobs.add(jobOf("greedy", "endless"));
    jobs.add(jobOf("honest", "short"));
    jobs.run(0, () => true);
    expect(done.slice(0, 4)).toEqual(["endless", "short", "endless", "short"].slice(0, done.length));
    expect(done.length, "a step has an end").toBeLessThan(30);
  });

  test("one that has to wait for what is written waits, and others go on", () => {
    const done: string[] = [];
    const jobOf = (needsCommit: boolean): Job => ({
      account: String(needsCommit),
      needsCommit,
      isReady: () => true,
      fail: () => {},
      end: () => {},
      step: (): StepResult => (done.push(String(needsCommit)), "done"),
    });
    const jobs = new Jobs(1000);
    jobs.add(jobOf(true));
    jobs.add(jobOf(false));
    jobs.run(0, () => false);
    expect(done).toEqual(["false"]);
    expect([jobs.needsCommit, jobs.due(5)]).toEqual([true, 5]);
    jobs.run(5, () => true);
    expect([done.length, jobs.needsCommit, jobs.due(5)]).toEqual([2, false, Infinity]);
  });

  test("one that fails is ended, and takes no other of its account's with it", () => {
    const done: string[] = [];
    const jobOf = (name: string, step: () => StepResult): Job => ({
      account: "one",
      needsCommit: false,
      isReady: () => true,
      fail: (error) => void done.push(`${name}: ${String(error)}`),
      end: () => {},
      step,
    });
    const jobs = new Jobs(1000);
    jobs.start(jobOf("first", bad), 0, true);
    jobs.add(jobOf("second", bad));
    jobs.add(jobOf("third", () => (done.push("third"), "done")));
    for (let now = 0; now < 3; now++) jobs.run(now, () => true);
    expect(done).toEqual(["first: Error: bad", "second: Error: bad", "third"]);
    expect(jobs.due(5)).toBe(Infinity);
  });

  test("a subscriber that cannot be served is closed, and others of its account's are", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "A", set: {} });
    const [bad, good] = [
      new RecordingSubscriber([], "all", undefined),
      new RecordingSubscriber([], "latest", undefined),
    ];
    fixture.log.read = () => {
      throw new Error("bad");
    };
    const failures: unknown[] = [];
    fixture.failed = (error) => void failures.push(error);
    good.view.position = { epoch: "e1", seq: 0 };
    fixture.connect(bad, "e1:0");
    fixture.connect(good, "e1:0");
    fixture.pass(100);
    expect([bad.dropped, good.dropped, failures]).toEqual([true, false, [new Error("bad")]]);
    expect(good.view.state()).toEqual(fixture.entries());
    expect(fixture.broadcast.subscribers).toBe(1);
  });

  test("forty messages that each select anew keep nobody's update waiting for all of them", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 });
    for (let i = 0; i < 20; i++) fixture.publish(...many(1000, `${i}.k`));
    const [greedy, honest] = [
      new RecordingSubscriber(["none"], "latest", undefined),
      new RecordingSubscriber(["A"], "all", undefined),
    ];
    greedy.account = "greedy";
    for (const subscriber of [greedy, honest]) fixture.connect(subscriber);
    fixture.pass(1000);
    const before = greedy.sent.length;
    for (let i = 0; i < 40; i++)
      greedy.ask(fixture.broadcast, [`${i % 20}.*`, `${(i + 1) % 20}.*`, `${(i + 2) % 20}.k*`]);
    expect(greedy.sent.length - before, "some are answered at once").toBeGreaterThan(0);
    expect(greedy.sent.length - before, "and not all").toBeLessThan(40);
    fixture.publish({ key: "A", set: {} });
    expect(honest.view.updates).toHaveLength(1);
    fixture.pass(1000);
    expect(greedy.sent.length - before).toBeGreaterThanOrEqual(40);
    expect(fixture.due).toBeUndefined();
  });

  test("another selection costs what is new in it, and not what its reader has", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 });
    for (let i = 0; i < 20; i++) fixture.publish(...many(1000, `k.${10 + i}.`));
    const parts = Array.from({ length: 20 }, (_, i) => `k.${10 + i}.*`);
    const sent: string[] = [];
    const sink = {
      account: "somebody",
      send: (messages: readonly string[]) => void sent.push(...messages),
      backlog: () => 0,
      drop: () => {},
    };
    const reader = fixture.broadcast.subscribe(sink, subscriptionOf(["k.*"]), undefined);
    fixture.pass(1000);
    const looks = vi.spyOn(String.prototype, "startsWith");
    for (const keys of [parts, ["k.*"], [...parts, "other"], ["k.*", "k"]]) {
      looks.mockClear();
      fixture.broadcast.resubscribe(reader, subscriptionOf(keys), 1);
      fixture.pass(1000);
      expect(looks.mock.calls.length).toBeLessThan(1_000);
      expect(JSON.parse(sent.at(-1)!)).toMatchObject({ type: "snapshot", id: 1, entries: {} });
    }
    looks.mockRestore();
  });

  test("whoever waits for a list costs nothing until one is let go of, and then gets its turn", () => {
    const fixture = new FeedFixture({}, { partLength: 1000, backlogHigh: 1000 });
    fixture.publish(...many(500, "k."));
    const readers = Array.from({ length: 50 }, (_, i) => {
      const prefixes = Array.from({ length: 100 }, (_, j) => `k.${j}*`);
      const reader = new RecordingSubscriber([...prefixes, `own${i}`], "latest", undefined);
      reader.slow = true;
      fixture.connect(reader);
      return reader;
    });
    fixture.pass(100);
    expect(fixture.broadcast.snapshots.size).toBe(4);
    const looks = vi.spyOn(Entries.prototype, "mostSelected");
    for (let i = 0; i < 10; i++) {
      fixture.publish({ key: "other", set: { i } });
      fixture.pass(100);
    }
    expect(looks.mock.calls.length).toBe(0);
    fixture.disconnect(readers[0]!);
    fixture.pass(100);
    expect(looks.mock.calls.length, "it is known how much each asks for").toBeLessThan(10);
    expect(readers.filter(({ sent }) => sent.length > 0)).toHaveLength(5);
    looks.mockRestore();
  });

  test("the log is not read for those whose keys have not changed", () => {
    const fixture = new FeedFixture();
    fixture.publish({ key: "mine", set: {} });
    for (let i = 0; i < 100; i++) fixture.publish({ key: "other", set: { i } });
    let looks = 0;
    const read = fixture.log.read.bind(fixture.log);
    fixture.log.read = (...asked) => (looks++, read(...asked));
    const sleeper = new RecordingSubscriber(["mine", "my.*"], "all", undefined);
    sleeper.view.position = { epoch: "e1", seq: 1 };
    fixture.connect(sleeper, "e1:1");
    fixture.pass(10);
    expect(looks).toBe(0);
    expect(sleeper.sent.map((message) => JSON.parse(message))).toMatchObject([{ from: 1, seq: 101, updates: [] }]);
    fixture.rebuild([sleeper]);
    fixture.publish({ key: "mine", patch: { n: 1 } });
    fixture.pass(10);
    expect(looks).toBe(0);
    expect(sleeper.view.updates).toHaveLength(1);
  });

  test("an update that concerns more groups than there is time for is read again by them, and nothing is lost", () => {
    const fixture = new FeedFixture({}, { additions: 50 });
    const readers = Array.from(
      { length: 100 },
      (_, i) => new RecordingSubscriber([`own${i}`, "A"], i % 2 ? "all" : "latest", 1),
    );
    for (const reader of readers) fixture.connect(reader);
    for (let i = 0; i < 5; i++) fixture.publish({ key: "A", patch: { [`p${i}`]: i } });
    fixture.pass(5000);
    for (const reader of readers) expect(reader.view.state()).toEqual(fixture.entries());
    for (const reader of readers) if (reader.mode === "all") expect(reader.view.updates).toHaveLength(5);
  });
});

describe("[I9] what waits for groups", () => {
  test("is composed for no more of them than there is time for at one write: the others read it again", () => {
    const composed = vi.spyOn(MergedUpdate.prototype, "add");
    const fixture = new FeedFixture();
    const readers = Array.from({ length: 200 }, (_, i) => new RecordingSubscriber(["big", `own${i}`], "latest", 0.1));
    for (const reader of readers) fixture.connect(reader);
    fixture.pass(20_000);
    for (let i = 0; i < 5; i++) {
      const patch = Object.fromEntries(Array.from({ length: 2_000 }, (_, j) => [`m${j}`, i]));
      composed.mockClear();
      fixture.publish({ key: "big", patch });
      const length = composed.mock.calls.reduce((sum, [{ text }]) => sum + text.length, 0);
      expect(length).toBeLessThan(1.2 * 1024 * 1024);
      fixture.pass(10);
    }
    composed.mockRestore();
    fixture.pass(30_000);
    for (const reader of readers) expect(reader.view.state()).toEqual(fixture.entries());
  });

  test("is counted in bytes for all of them together, and read again past its bound", () => {
    const fixture = new FeedFixture({}, { pendingBytes: 100_000 });
    const slow = (["latest", "all"] as const).map((mode) => new RecordingSubscriber([], mode, 0.1));
    for (const subscriber of slow) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: {} });
    const text = "x".repeat(10_000);
    for (let i = 0; i < 50; i++) fixture.publish({ key: `k${i}`, set: { text } });
    for (const { subscriber } of slow) expect(subscriber!.group!.pending.bytes).toBeLessThan(100_000);
    fixture.pass(20_000);
    for (const subscriber of slow) expect(subscriber.view.state()).toEqual(fixture.entries());
    expect(slow[1]!.view.updates).toHaveLength(51);
  });

  test("one update that waits for very many is held once", () => {
    const fixture = new FeedFixture({}, { pendingBytes: 200_000 });
    const readers = Array.from({ length: 100 }, (_, i) => new RecordingSubscriber(["A", `own${i}`], "latest", 1));
    for (const reader of readers) fixture.connect(reader);
    fixture.publish({ key: "A", set: {} });
    fixture.pass(1);
    fixture.publish({ key: "A", set: { text: "x".repeat(10_000) } });
    for (const { subscriber } of readers) expect(subscriber!.group!.pending.size).toBe(1);
  });

  test("rates that are nearly equal are one, and none is above what was asked for", () => {
    const fixture = new FeedFixture();
    const readers = Array.from({ length: 200 }, (_, i) => new RecordingSubscriber([], "latest", 1.5 + i * 1e-10));
    for (const reader of readers) fixture.connect(reader);
    fixture.pass(10);
    const rates = new Set(readers.map(({ subscriber }) => subscriber!.group!.subscription.hz));
    expect(rates).toEqual(new Set([1.5]));
    for (const hz of [0.1, 0.15, 1, 4, 9.99, 10, 59.9, 60]) {
      const reader = new RecordingSubscriber(["own"], "latest", hz);
      fixture.connect(reader);
      fixture.pass(1);
      const rounded = reader.subscriber!.group!.subscription.hz!;
      expect(rounded).toBeLessThanOrEqual(hz);
      expect(rounded).toBeGreaterThan(hz * 0.89);
    }
  });

  test("patches that add up are composed in place, and those that were published stay as they are", () => {
    const first = { a: { b: 1 }, c: 1 };
    const second = { a: { d: { e: 1 } } };
    const target = structuredClone(first);
    expect(composeInto(target, second)).toBe(true);
    expect(composeInto(target, { a: { d: { f: 2 } } })).toBe(true);
    expect(target).toEqual({ a: { b: 1, d: { e: 1, f: 2 } }, c: 1 });
    expect(second).toEqual({ a: { d: { e: 1 } } });
    expect(composeInto({ a: null }, { a: { b: 1 } }), "what no patch can say").toBe(false);
  });
});

describe("[I9] patterns that groups look for", () => {
  test("are bounded in all and for one account, and are counted once for those who want the same", () => {
    const { broadcast, ...fixture } = new FeedFixture({}, { patterns: 30, patternsPerAccount: 20 });
    expect(fixture.limits.patterns).toBe(30);
    const sink = { account: "a", kind: "key" as const, send: () => {}, backlog: () => 0, drop: () => {} };
    const a = broadcast.subscribe(sink, subscriptionOf(keysFrom(0, 15)), undefined);
    expect(broadcast.refusal({ account: "a", kind: "key" }, subscriptionOf(keysFrom(0, 15)))).toBeUndefined();
    expect(broadcast.refusal({ account: "a", kind: "key" }, subscriptionOf(keysFrom(5, 15)))).toBe("rate_limited");
    expect(broadcast.refusal({ account: "b", kind: "key" }, subscriptionOf(keysFrom(5, 16)))).toBe("overloaded");
    expect(broadcast.refusal({ account: "b", kind: "key" }, subscriptionOf(keysFrom(5, 15)))).toBeUndefined();
    expect(broadcast.resubscribe(a, subscriptionOf(keysFrom(5, 15)), 1)).toBe("rate_limited");
    broadcast.unsubscribe(a);
    expect(broadcast.refusal({ account: "a", kind: "key" }, subscriptionOf(keysFrom(5, 15)))).toBeUndefined();
  });

  test("are counted also while they wait to be answered, until they are or their reader has gone", () => {
    const bounds = { partLength: 100, backlogHigh: 300, patterns: 60, patternsPerAccount: 20 };
    const fixture = new FeedFixture({}, bounds);
    fixture.publish(...many(60, "k."));
    const reader = new RecordingSubscriber([], "latest", undefined);
    const other = new RecordingSubscriber([], "latest", undefined);
    for (const stuck of [reader, other]) {
      stuck.slow = true;
      fixture.connect(stuck);
    }
    const { broadcast } = fixture;
    expect(reader.ask(broadcast, keysFrom(0, 10))).toBeUndefined();
    expect(broadcast.resubscribe(reader.subscriber!, subscriptionOf(keysFrom(10, 10)), 2)).toBe("rate_limited");
    expect(other.ask(broadcast, keysFrom(0, 10)), "the same once more").toBeUndefined();
    fixture.disconnect(other);
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 10)))).toBe("rate_limited");
    for (let i = 0; i < 100; i++) {
      reader.waiting = 0;
      fixture.pass(10);
    }
    expect(reader.view.position?.seq).toBe(fixture.feed.seq);
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 10))), "all was answered").toBeUndefined();
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 11)))).toBe("rate_limited");
    fixture.reset("e2");
    fixture.disconnect(reader);
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 20)))).toBeUndefined();
  });

  test("count for more where they are long", () => {
    const { broadcast } = new FeedFixture({}, { patternsPerAccount: 20 });
    const refusal = (count: number, letter: string): unknown =>
      broadcast.refusal({ account: "a" }, subscriptionOf(keysFrom(0, count).map((key) => key.padEnd(120, letter))));
    expect(refusal(3, "x")).toBeUndefined();
    expect(refusal(4, "x")).toBe("rate_limited");
    expect(refusal(1, "ж")).toBeUndefined();
    expect(refusal(2, "ж")).toBe("rate_limited");
  });

  test("are left to those with a credential, however many those without one use, and to keys, whatever tokens do", () => {
    const { broadcast } = new FeedFixture({}, { patterns: 100, patternsPerAccount: 30 });
    let from = 0;
    /** Subscribes to ten keys at a time until that is refused; says how many were had, and why there are no more. */
    const fill = (kind: "anonymous" | "key" | "token", accountOf: (i: number) => string): unknown[] => {
      for (let i = 0; ; i++) {
        const account = { account: accountOf(i), kind };
        const subscription = subscriptionOf(keysFrom((from += 10), 10));
        const refusal = broadcast.refusal(account, subscription);
        if (refusal) return [10 * i, refusal];
        broadcast.subscribe({ ...account, send: () => {}, backlog: () => 0, drop: () => {} }, subscription, undefined);
      }
    };
    expect(fill("anonymous", (i) => `address ${i >> 1}`)).toEqual([50, "overloaded"]);
    expect(fill("token", () => "one")).toEqual([20, "rate_limited"]);
    expect(fill("token", (i) => `another ${i}`)).toEqual([0, "overloaded"]);
    expect(fill("key", (i) => `key ${i}`)).toEqual([30, "overloaded"]);
  });
});

describe("[I9] acks", () => {
  test("of the epoch before say nothing about this one", () => {
    const meter = new Unacknowledged();
    meter.sent(1000, 100);
    meter.acknowledged(1000);
    meter.sent(0, 300);
    meter.sent(5, 300);
    meter.acknowledged(1000);
    expect(meter.length).toBe(600);
    meter.acknowledged(5);
    expect(meter.length).toBe(0);
  });

  test("that come though nothing was told yet, or of a part of a snapshot, let the rest of it come", () => {
    const meter = new Unacknowledged();
    meter.acknowledged(7);
    for (let part = 0; part < 100; part++) meter.sent(undefined, 256 * 1024);
    meter.acknowledged(7);
    expect(meter.backlog).toBe(0);
    meter.sent(7, 100);
    expect(meter.length).toBe(100);
  });

  test("that say how much was taken are exact, also for an object that has lost its memory", () => {
    const meter = new Unacknowledged();
    meter.acknowledged(0, 0);
    meter.sent(undefined, 300_000);
    expect(meter.backlog).toBe(300_000);
    meter.acknowledged(0, 150_000);
    expect(meter.backlog).toBe(150_000);
    meter.acknowledged(0, 300_000);
    expect(meter.backlog).toBe(0);
    const rebuilt = new Unacknowledged();
    rebuilt.sent(5, 1000);
    rebuilt.acknowledged(5, 5_000_000);
    expect(rebuilt.backlog).toBe(0);
    rebuilt.sent(6, SERVER_LIMITS.unackedHigh);
    expect(rebuilt.backlog).toBe(SERVER_LIMITS.unackedHigh);
  });
});
