import { describe, expect, test } from "vitest";
import { FeedFixture, slowReader } from "../fixture.ts";
import { RecordingSubscriber } from "../recording-subscriber.ts";

describe("[LAG3] [I9] the room for the backlogs of all subscribers", () => {
  test("is shared: a subscriber without a backlog gets its update at once, though others use all the rest", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const hoarders = Array.from({ length: 12 }, () => slowReader(fixture, [], "hoarder"));
    const quick = new RecordingSubscriber(["mine"]);
    fixture.connect(quick);
    fixture.advance(10);
    for (let i = 0; i < 40; i++) {
      fixture.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
      // Each takes a little now and then, and so makes progress.
      for (const hoarder of hoarders) hoarder.waiting = Math.max(0, hoarder.waiting - 10);
      fixture.publish({ key: "mine", set: { i } });
      expect(quick.view.state()).toEqual({ mine: { i } });
      const held = hoarders.reduce((sum, { dropped, waiting }) => sum + (dropped ? 0 : waiting), 0);
      expect(held).toBeLessThanOrEqual(400_000);
      fixture.advance(20);
    }
  });

  test("is not taken by what was sent and has gone out since, however much that is together", () => {
    const fixture = new FeedFixture({ slice: 5 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const readers = Array.from({ length: 40 }, () => slowReader(fixture));
    fixture.publish({ key: "A", set: { text: "x".repeat(30_000) } });
    for (let slices = 1; slices < 40 / 5; slices++) {
      // The thread was free between two slices.
      for (const reader of readers) reader.waiting = 0;
      fixture.now += 5;
      fixture.step();
    }
    expect(readers.filter(({ view }) => !("A" in view.state())).length, "readers that wait").toBe(0);
  });

  test("is shared with subscribers that come, and that ask for more", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const hoarders = Array.from({ length: 12 }, () => slowReader(fixture, [], "hoarder"));
    for (let i = 0; i < 5; i++) fixture.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
    fixture.publish({ key: "mine", set: {} });
    fixture.publish({ key: "yours", set: {} });
    expect(hoarders.some(({ dropped }) => dropped)).toBe(false);
    const late = slowReader(fixture, ["mine"], "late");
    expect(late.view.state()).toEqual({ mine: {} });
    late.ask(fixture.broadcast, ["mine", "yours"]);
    fixture.advance(1);
    expect(late.view.state()).toEqual({ mine: {}, yours: {} });
    const greedy = slowReader(fixture, [], "late");
    expect(greedy.sent, "a long message waits").toEqual([]);
    for (const hoarder of hoarders) hoarder.waiting = 0;
    fixture.advance(100);
    expect(greedy.view.state()).toEqual(fixture.entries());
  });

  test("is taken back in a crowd from subscribers that take hardly anything of what is beyond their share", () => {
    const fixture = new FeedFixture({ capacity: 1_000_000 }, { backlogHigh: 40_000, backlogTotal: 400_000 });
    const readers = Array.from({ length: 12 }, () => slowReader(fixture));
    for (let i = 0; i < 5; i++) fixture.publish({ key: "A", set: { i, text: "x".repeat(30_000) } });
    for (let i = 0; i < 50; i++) {
      fixture.publish({ key: "A", set: { i, text: "y".repeat(30_000) } });
      for (const [n, reader] of readers.entries()) reader.waiting = Math.max(0, reader.waiting - (n < 6 ? 1 : 3000));
      fixture.advance(100);
    }
    const dropped = readers.map((reader) => reader.dropped);
    expect(dropped.slice(0, 6)).toContain(true);
    expect(dropped.slice(6)).not.toContain(true);
  });

  test("is limited: no subscriber is sent more, and those that take nothing are dropped", () => {
    const fixture = new FeedFixture({}, { backlogHigh: 1000, backlogTotal: 3000 });
    const readers = Array.from({ length: 10 }, () => slowReader(fixture));
    const quick = new RecordingSubscriber();
    fixture.connect(quick);
    for (let i = 0; i < 10; i++) {
      fixture.publish({ key: "A", set: { i, text: "x".repeat(300) } });
      fixture.advance(100);
    }
    const total = readers.reduce((sum, { dropped, waiting }) => sum + (dropped ? 0 : waiting), 0);
    expect(total).toBeLessThan(3000 + 10 * 400);
    fixture.advance(2000);
    const left = readers.filter(({ dropped }) => !dropped);
    expect(left.reduce((sum, { waiting }) => sum + waiting, 0)).toBeLessThanOrEqual(3000);
    expect(quick.view.state()).toEqual(fixture.entries());
  });
});
