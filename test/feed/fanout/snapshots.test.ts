import { describe, expect, test } from "vitest";
import { SERVER_LIMITS } from "../../../src/protocol/limits.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture, slowReader } from "../fixture.ts";
import type { RecordingSubscriber } from "../recording-subscriber.ts";

const TIGHT = { partLength: 100, backlogHigh: 300, stepWork: 100_000 };

/** A feed whose snapshot comes in some twenty parts. */
function fixtureOfMany(bounds: ConstructorParameters<typeof FeedFixture>[1] = TIGHT): FeedFixture {
  const fixture = new FeedFixture({}, bounds);
  fixture.publish(...Array.from({ length: 60 }, (_, i): Update => ({ key: `k${i}`, set: { text: "x".repeat(30) } })));
  return fixture;
}

/** Takes what it was sent, again and again. */
function drain(fixture: FeedFixture, reader: RecordingSubscriber): void {
  for (let i = 0; i < 200; i++) {
    reader.waiting = 0;
    fixture.advance(100);
  }
}

/** The n-th values of sixty keys, each of about so many characters. */
function sixty(n: number, length: number, letter = "x"): Update[] {
  return Array.from({ length: 60 }, (_, i) => ({ key: `k${i}`, set: { n, text: letter.repeat(length) } }));
}

function publishByHalves(fixture: FeedFixture, updates: Update[]): void {
  fixture.publish(...updates.slice(0, 30));
  fixture.publish(...updates.slice(30));
}

describe("[I9] a long snapshot", () => {
  test("[STEP2] goes on only as its reader takes it, and shows one moment, whatever happens meanwhile", () => {
    const fixture = fixtureOfMany();
    const reader = slowReader(fixture);
    expect(reader.waiting).toBeLessThan(600);
    expect(reader.view.partial).toBe(true);
    const before = fixture.entries();
    for (let i = 0; i < 60; i++) fixture.publish({ key: `k${i}`, set: { i } });
    fixture.publish({ key: "k0", delete: true });
    expect(reader.view.position).toBeUndefined();
    while (reader.view.position === undefined) {
      reader.waiting = 0;
      fixture.advance(1);
    }
    const snapshot = reader.sent.filter((message) => message.includes('"snapshot"'));
    expect(new Set(snapshot.map((message) => JSON.parse(message).seq))).toEqual(new Set([60]));
    expect(Object.assign({}, ...snapshot.map((message) => JSON.parse(message).entries))).toEqual(before);
    drain(fixture, reader);
    expect(reader.view.state()).toEqual(fixture.entries());
    expect(fixture.broadcast.snapshots.inUse.size, "nothing of it is kept").toBe(0);
    expect(fixture.due).toBeUndefined();
  });

  test("[STEP2] is sent to any slow reader, but one that takes nothing is dropped, also if nothing is published", () => {
    const fixture = fixtureOfMany();
    const [slow, stuck] = [slowReader(fixture), slowReader(fixture)];
    for (let i = 0; i < 40; i++) {
      slow.waiting = Math.max(0, slow.waiting - 60);
      fixture.advance(SERVER_LIMITS.stuckTime / 10);
    }
    expect(slow.dropped).toBe(false);
    expect(stuck.dropped).toBe(true);
    drain(fixture, slow);
    expect(slow.view.state()).toEqual(fixture.entries());
    expect(fixture.broadcast.snapshots.inUse.size).toBe(0);
  });

  test("[STEP2] is read from one list by all readers that come at one moment", () => {
    const fixture = fixtureOfMany();
    const readers = Array.from({ length: 20 }, () => slowReader(fixture));
    expect(fixture.broadcast.snapshots.inUse.size).toBe(1);
    expect(new Set(readers.map(({ given }) => given[0])).size, "and encoded once").toBe(1);
  });

  test("[SUB6] is of an earlier moment if there is no room for another list, and what has changed since follows", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenBytes: 1_200 });
    const first = slowReader(fixture, [], "first");
    fixture.publish({ key: "k1", set: { new: true } });
    const second = slowReader(fixture, [], "second");
    expect(fixture.broadcast.snapshots.inUse.size).toBe(1);
    expect(JSON.parse(second.sent[0]!)).toMatchObject({ type: "snapshot", seq: 60, more: true });
    drain(fixture, second);
    expect(second.view.state()).toEqual(fixture.entries());
    expect(first.dropped).toBe(false);
  });

  test("[I2] of an earlier moment is not given again to a reader that it brings no further", () => {
    const fixture = new FeedFixture({}, { partLength: 20_000, backlogHigh: 300, frozenBytes: 800_000 });
    publishByHalves(fixture, sixty(0, 20_000));
    const first = slowReader(fixture, [], "first");
    for (let i = 0; i < 30; i++) {
      first.waiting = 0;
      fixture.advance(100);
    }
    const second = slowReader(fixture, [], "second");
    // More than a catch-up from the changes can be.
    publishByHalves(fixture, sixty(1, 20_000));
    const readers = [first, second];
    for (let i = 0; i < 300; i++) {
      for (const reader of readers) reader.waiting = 0;
      fixture.advance(100);
    }
    for (const reader of readers) if (!reader.dropped) expect(reader.view.position?.seq).toBe(fixture.feed.seq);
    expect(second.dropped && first.dropped).toBe(false);
  });

  test("[STEP3] of another selection takes the place of the oldest list if there is no room, and its readers are dropped", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenBytes: 1_200 });
    const first = slowReader(fixture, [], "first");
    const second = slowReader(fixture, ["k1*", "k2*", "k3*"], "second");
    expect(first.dropped).toBe(true);
    expect(second.dropped).toBe(false);
    expect(fixture.broadcast.snapshots.inUse.size).toBe(1);
  });

  test("[STEP3] is made for an account with many selections only when it has released others", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenPerAccount: 2, frozenBytes: 1_000_000 });
    const honest = slowReader(fixture, [], "honest");
    const greedy = ["k1*", "k2*", "k3*", "k4*"].map((keys) => slowReader(fixture, [keys, "k0"], "greedy"));
    expect(fixture.broadcast.snapshots.inUse.size).toBe(3);
    expect(greedy.map(({ sent }) => sent.length > 0)).toEqual([true, true, false, false]);
    expect(honest.dropped).toBe(false);
    fixture.disconnect(greedy[0]!);
    fixture.advance(100);
    expect(greedy.filter(({ sent }) => sent.length > 0)).toHaveLength(3);
  });

  test("of an account with no other outlives those of an account with many", () => {
    // All values fit once, and one or two lists besides.
    const fixture = new FeedFixture({}, { partLength: 500, backlogHigh: 300, frozenBytes: 11_000 });
    fixture.publish(...sixty(0, 150));
    const honest = slowReader(fixture, [], "honest");
    const greedy = ["a", "b", "c"].map((key) => slowReader(fixture, [key, "k*"], "greedy"));
    fixture.publish(...sixty(1, 150));
    expect(honest.dropped).toBe(false);
    expect(greedy.map(({ dropped }) => dropped)).toEqual([true, true, true]);
  });

  test("counts what all lists keep alive once, however many lists there are", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenBytes: 8_000 });
    const readers = Array.from({ length: 3 }, (_, i) => slowReader(fixture, [`${i}`, "k*"], `account ${i}`));
    for (let i = 0; i < 60; i++) fixture.publish({ key: `k${i}`, set: { i } });
    expect(readers.map(({ dropped }) => dropped)).toEqual([false, false, false]);
  });

  test("that is released leaves what it kept alive counted for the lists that still keep it", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenBytes: 4_700 });
    const old = slowReader(fixture, [], "old");
    const released = slowReader(fixture, ["k*"], "released");
    for (let i = 0; i < 60; i++) fixture.publish({ key: `k${i}`, set: { i } });
    expect([old.dropped, released.dropped]).toEqual([false, false]);
    fixture.disconnect(released);
    fixture.publish(...Array.from({ length: 30 }, (_, i): Update => ({ key: `new${i}`, set: {} })));
    const young = slowReader(fixture, ["k*", "new*"], "young");
    expect([old.dropped, young.dropped]).toEqual([true, false]);
  });

  test("is given up if what it keeps alive leaves no room for others", () => {
    const fixture = fixtureOfMany({ ...TIGHT, frozenBytes: 3_000 });
    const old = slowReader(fixture, [], "old");
    for (let i = 0; i < 40; i++) fixture.publish({ key: `k${i}`, set: { i } });
    expect(old.dropped, "one is always kept").toBe(false);
    const young = slowReader(fixture, ["k*"], "young");
    expect([old.dropped, young.dropped]).toEqual([true, false]);
  });

  test.each([
    ["one byte", "x", 0],
    ["two bytes", "ж", 1],
  ])("counts the bytes that it keeps alive in memory, if a character takes %s", (_, letter, dropped) => {
    const fixture = new FeedFixture({}, { ...TIGHT, frozenBytes: 5_000 });
    fixture.publish(...sixty(0, 30, letter));
    const readers = [slowReader(fixture, [], "one"), slowReader(fixture, ["k*"], "another")];
    for (let i = 0; i < 60; i++) fixture.publish({ key: `k${i}`, set: { i } });
    expect(readers.filter((reader) => reader.dropped)).toHaveLength(dropped);
  });

  test("[SUB5] [I2] that a reset interrupts is sent to its end, and then the reset", () => {
    const fixture = fixtureOfMany();
    const reader = slowReader(fixture);
    fixture.reset("e2");
    fixture.publish({ key: "new", set: {} });
    drain(fixture, reader);
    const reasons = reader.sent.map((message) => JSON.parse(message).reason);
    expect(reasons.indexOf("reset")).toBe(reasons.lastIndexOf("initial") + 1);
    expect(reader.view.state()).toEqual({ new: {} });
  });

  test("[SUB5] [I2] whose reader asks for other keys meanwhile is finished first, and each message is answered in order", () => {
    const fixture = fixtureOfMany();
    const reader = slowReader(fixture);
    for (const keys of [["k1*"], ["k2*"], ["k2*", "k3*"]]) expect(reader.ask(fixture.broadcast, keys)).toBeUndefined();
    fixture.publish({ key: "k30", set: { late: true } });
    drain(fixture, reader);
    const ids = reader.sent.map((message) => JSON.parse(message).id).filter((id) => id !== undefined);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(ids)).toEqual(new Set([1, 2, 3]));
    const wanted = Object.entries(fixture.entries()).filter(([key]) => /^k[23]/.test(key));
    expect(reader.view.state()).toEqual(Object.fromEntries(wanted));
  });

  test("[STEP6] [I5] limits how many subscribe messages wait for it", () => {
    const fixture = fixtureOfMany({ ...TIGHT, resubscribes: 3 });
    const reader = slowReader(fixture);
    const answers = Array.from({ length: 4 }, (_, i) => reader.ask(fixture.broadcast, [`k${i}`]));
    expect(answers).toEqual([undefined, undefined, undefined, "too_many"]);
  });
});
