import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../src/protocol/limits.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { House, PureSubscriber } from "../fixture.ts";

const TIGHT = { partLength: 100, backlogHigh: 300, stepWork: 100_000 };

/** A feed whose snapshot comes in some twenty parts. */
function houseOfMany(bounds: ConstructorParameters<typeof House>[1] = TIGHT): House {
  const house = new House({}, bounds);
  house.publish(...Array.from({ length: 60 }, (_, i): Update => ({ key: `k${i}`, set: { text: "x".repeat(30) } })));
  return house;
}

function slowReader(house: House, keys: readonly string[] = [], owner = "somebody"): PureSubscriber {
  const reader = new PureSubscriber(keys, "latest", undefined);
  reader.owner = owner;
  reader.slow = true;
  house.connect(reader);
  house.pass(10);
  return reader;
}

/** Takes what it was sent, again and again. */
function drain(house: House, reader: PureSubscriber): void {
  for (let i = 0; i < 200; i++) {
    reader.waiting = 0;
    house.pass(100);
  }
}

/** The n-th values of sixty keys, each of about so many characters. */
function sixty(n: number, length: number, letter = "x"): Update[] {
  return Array.from({ length: 60 }, (_, i) => ({ key: `k${i}`, set: { n, text: letter.repeat(length) } }));
}

function publishByHalves(house: House, updates: Update[]): void {
  house.publish(...updates.slice(0, 30));
  house.publish(...updates.slice(30));
}

describe("[I9] a long snapshot", () => {
  test("goes on only as its reader takes it, and shows one moment, whatever happens meanwhile", () => {
    const house = houseOfMany();
    const reader = slowReader(house);
    expect(reader.waiting).toBeLessThan(600);
    expect(reader.view.partial).toBe(true);
    const before = house.entries();
    for (let i = 0; i < 60; i++) house.publish({ key: `k${i}`, set: { i } });
    house.publish({ key: "k0", delete: true });
    expect(reader.view.position).toBeUndefined();
    while (reader.view.position === undefined) {
      reader.waiting = 0;
      house.pass(1);
    }
    const snapshot = reader.sent.filter((message) => message.includes('"snapshot"'));
    expect(new Set(snapshot.map((message) => JSON.parse(message).seq))).toEqual(new Set([60]));
    expect(Object.assign({}, ...snapshot.map((message) => JSON.parse(message).entries))).toEqual(before);
    drain(house, reader);
    expect(reader.view.state()).toEqual(house.entries());
    expect(house.broadcast.snapshots.size, "nothing is kept of it").toBe(0);
    expect(house.due).toBeUndefined();
  });

  test("is waited for however slow its reader is, but not for one that takes nothing, though nothing is published", () => {
    const house = houseOfMany();
    const [slow, stuck] = [slowReader(house), slowReader(house)];
    for (let i = 0; i < 40; i++) {
      slow.waiting = Math.max(0, slow.waiting - 60);
      house.pass(LIMITS.stuckTime / 10);
    }
    expect(slow.dropped).toBe(false);
    expect(stuck.dropped).toBe(true);
    drain(house, slow);
    expect(slow.view.state()).toEqual(house.entries());
    expect(house.broadcast.snapshots.size).toBe(0);
  });

  test("is read from one list by all who come at one moment", () => {
    const house = houseOfMany();
    const readers = Array.from({ length: 20 }, () => slowReader(house));
    expect(house.broadcast.snapshots.size).toBe(1);
    expect(new Set(readers.map(({ given }) => given[0])).size, "and written once").toBe(1);
  });

  test("is of an earlier moment where there is no room for another list, and what changed since follows", () => {
    const house = houseOfMany({ ...TIGHT, frozenBytes: 1_200 });
    const first = slowReader(house, [], "first");
    house.publish({ key: "k1", set: { new: true } });
    const second = slowReader(house, [], "second");
    expect(house.broadcast.snapshots.size).toBe(1);
    expect(JSON.parse(second.sent[0]!)).toMatchObject({ type: "snapshot", seq: 60, more: true });
    drain(house, second);
    expect(second.view.state()).toEqual(house.entries());
    expect(first.dropped).toBe(false);
  });

  test("[I2] of an earlier moment is not given again to one whom it has brought no further", () => {
    const house = new House({}, { partLength: 20_000, backlogHigh: 300, frozenBytes: 800_000 });
    publishByHalves(house, sixty(0, 20_000));
    const first = slowReader(house, [], "first");
    for (let i = 0; i < 30; i++) {
      first.waiting = 0;
      house.pass(100);
    }
    const second = slowReader(house, [], "second");
    // More than can be told as what has changed.
    publishByHalves(house, sixty(1, 20_000));
    const readers = [first, second];
    for (let i = 0; i < 300; i++) {
      for (const reader of readers) reader.waiting = 0;
      house.pass(100);
    }
    for (const reader of readers) if (!reader.dropped) expect(reader.view.position?.seq).toBe(house.feed.seq);
    expect(second.dropped && first.dropped).toBe(false);
  });

  test("of another selection takes the place of the oldest list where there is no room, whose readers come anew", () => {
    const house = houseOfMany({ ...TIGHT, frozenBytes: 1_200 });
    const first = slowReader(house, [], "first");
    const second = slowReader(house, ["k1*", "k2*", "k3*"], "second");
    expect(first.dropped).toBe(true);
    expect(second.dropped).toBe(false);
    expect(house.broadcast.snapshots.size).toBe(1);
  });

  test("of many selections is made for one owner only as it lets go of others", () => {
    const house = houseOfMany({ ...TIGHT, frozenPerOwner: 2, frozenBytes: 1_000_000 });
    const honest = slowReader(house, [], "honest");
    const greedy = ["k1*", "k2*", "k3*", "k4*"].map((keys) => slowReader(house, [keys, "k0"], "greedy"));
    expect(house.broadcast.snapshots.size).toBe(3);
    expect(greedy.map(({ sent }) => sent.length > 0)).toEqual([true, true, false, false]);
    expect(honest.dropped).toBe(false);
    house.disconnect(greedy[0]!);
    house.pass(100);
    expect(greedy.filter(({ sent }) => sent.length > 0)).toHaveLength(3);
  });

  test("of one who has none besides outlives those of one who has many", () => {
    // All values fit once, and a list or two besides.
    const house = new House({}, { partLength: 500, backlogHigh: 300, frozenBytes: 11_000 });
    house.publish(...sixty(0, 150));
    const honest = slowReader(house, [], "honest");
    const greedy = ["a", "b", "c"].map((key) => slowReader(house, [key, "k*"], "greedy"));
    house.publish(...sixty(1, 150));
    expect(honest.dropped).toBe(false);
    expect(greedy.map(({ dropped }) => dropped)).toEqual([true, true, true]);
  });

  test("is counted with what all keep alive once, however many they are", () => {
    const house = houseOfMany({ ...TIGHT, frozenBytes: 8_000 });
    const readers = Array.from({ length: 3 }, (_, i) => slowReader(house, [`${i}`, "k*"], `owner ${i}`));
    for (let i = 0; i < 60; i++) house.publish({ key: `k${i}`, set: { i } });
    expect(readers.map(({ dropped }) => dropped)).toEqual([false, false, false]);
  });

  test("is given up where others than its readers would pay for what it keeps alive", () => {
    const house = houseOfMany({ ...TIGHT, frozenBytes: 3_000 });
    const old = slowReader(house, [], "old");
    for (let i = 0; i < 40; i++) house.publish({ key: `k${i}`, set: { i } });
    expect(old.dropped, "one is always kept").toBe(false);
    const young = slowReader(house, ["k*"], "young");
    expect([old.dropped, young.dropped]).toEqual([true, false]);
  });

  test.each([
    ["one byte", "x", 0],
    ["two bytes", "ж", 1],
  ])("is counted with what it keeps alive in memory, where a character takes %s", (_, letter, dropped) => {
    const house = new House({}, { ...TIGHT, frozenBytes: 5_000 });
    house.publish(...sixty(0, 30, letter));
    const readers = [slowReader(house, [], "one"), slowReader(house, ["k*"], "another")];
    for (let i = 0; i < 60; i++) house.publish({ key: `k${i}`, set: { i } });
    expect(readers.filter((reader) => reader.dropped)).toHaveLength(dropped);
  });

  test("[I2] that a reset meets on its way is told to its end, and then that the feed began anew", () => {
    const house = houseOfMany();
    const reader = slowReader(house);
    house.reset("e2");
    house.publish({ key: "new", set: {} });
    drain(house, reader);
    const reasons = reader.sent.map((message) => JSON.parse(message).reason);
    expect(reasons.indexOf("reset")).toBe(reasons.lastIndexOf("initial") + 1);
    expect(reader.view.state()).toEqual({ new: {} });
  });

  test("[I2] whose reader asks for other keys meanwhile is finished first, and each message is answered in turn", () => {
    const house = houseOfMany();
    const reader = slowReader(house);
    for (const keys of [["k1*"], ["k2*"], ["k2*", "k3*"]]) expect(reader.ask(house.broadcast, keys)).toBeUndefined();
    house.publish({ key: "k30", set: { late: true } });
    drain(house, reader);
    const ids = reader.sent.map((message) => JSON.parse(message).id).filter((id) => id !== undefined);
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(ids)).toEqual(new Set([1, 2, 3]));
    const wanted = Object.entries(house.entries()).filter(([key]) => /^k[23]/.test(key));
    expect(reader.view.state()).toEqual(Object.fromEntries(wanted));
  });

  test("[I5] no more than so many messages wait to be answered", () => {
    const house = houseOfMany({ ...TIGHT, asked: 3 });
    const reader = slowReader(house);
    const answers = Array.from({ length: 4 }, (_, i) => reader.ask(house.broadcast, [`k${i}`]));
    expect(answers).toEqual([undefined, undefined, undefined, "too_many"]);
  });
});

describe("[I9] what all have not taken", () => {
  test("is shared: who has taken all gets its update at once, though others hold all the rest", () => {
    const house = new House({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const hoarders = Array.from({ length: 12 }, () => slowReader(house, [], "hoarder"));
    const quick = new PureSubscriber(["mine"], "latest", undefined);
    house.connect(quick);
    house.pass(10);
    for (let i = 0; i < 40; i++) {
      house.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
      // Some of them take a little now and then, and so are not without progress.
      for (const hoarder of hoarders) hoarder.waiting = Math.max(0, hoarder.waiting - 10);
      house.publish({ key: "mine", set: { i } });
      expect(quick.view.state()).toEqual({ mine: { i } });
      const held = hoarders.reduce((sum, { dropped, waiting }) => sum + (dropped ? 0 : waiting), 0);
      expect(held).toBeLessThanOrEqual(400_000);
      house.pass(20);
    }
  });

  test("is shared with those who come, and who ask for more", () => {
    const house = new House({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const hoarders = Array.from({ length: 12 }, () => slowReader(house, [], "hoarder"));
    for (let i = 0; i < 5; i++) house.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
    house.publish({ key: "mine", set: {} });
    house.publish({ key: "yours", set: {} });
    expect(hoarders.some(({ dropped }) => dropped)).toBe(false);
    const late = slowReader(house, ["mine"], "late");
    expect(late.view.state()).toEqual({ mine: {} });
    late.ask(house.broadcast, ["mine", "yours"]);
    house.pass(1);
    expect(late.view.state()).toEqual({ mine: {}, yours: {} });
    const greedy = slowReader(house, [], "late");
    expect(greedy.sent, "what is long waits").toEqual([]);
    for (const hoarder of hoarders) hoarder.waiting = 0;
    house.pass(100);
    expect(greedy.view.state()).toEqual(house.entries());
  });

  test("drops in a crowd whoever takes hardly anything of what is beyond its share", () => {
    const house = new House({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const readers = Array.from({ length: 12 }, () => slowReader(house));
    for (let i = 0; i < 5; i++) house.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
    for (let i = 0; i < 50; i++) {
      house.publish({ key: "A", set: { i, text: "y".repeat(30_000) } });
      for (const [n, reader] of readers.entries()) reader.waiting = Math.max(0, reader.waiting - (n < 6 ? 1 : 3000));
      house.pass(100);
    }
    const dropped = readers.map((reader) => reader.dropped);
    expect(dropped.slice(0, 6)).toContain(true);
    expect(dropped.slice(6)).not.toContain(true);
  });

  test("is bounded: nobody is sent more, and those that take nothing are dropped", () => {
    const house = new House({}, { backlogHigh: 1000, backlogTotal: 3000 });
    const readers = Array.from({ length: 10 }, () => slowReader(house));
    const quick = new PureSubscriber([], "latest", undefined);
    house.connect(quick);
    for (let i = 0; i < 10; i++) {
      house.publish({ key: "A", set: { i, text: "x".repeat(300) } });
      house.pass(100);
    }
    const total = readers.reduce((sum, { dropped, waiting }) => sum + (dropped ? 0 : waiting), 0);
    expect(total).toBeLessThan(3000 + 10 * 400);
    house.pass(2000);
    const left = readers.filter(({ dropped }) => !dropped);
    expect(left.reduce((sum, { waiting }) => sum + waiting, 0)).toBeLessThanOrEqual(3000);
    expect(quick.view.state()).toEqual(house.entries());
  });
});
