import { describe, expect, test, vi } from "vitest";
import { MergedUpdate } from "../../../src/feed/fanout/live/merged-update.ts";
import { pendingFor, PendingMemory, PendingUpdate } from "../../../src/feed/fanout/live/pending.ts";
import { AcceptedUpdate } from "../../../src/feed/state/accepted-update.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, subscriptionOf } from "../recording-subscriber.ts";

describe("[MERGE6] [I9] what waits for groups", () => {
  test("is read again if an update is for more groups than there is time for, and nothing is lost", () => {
    const fixture = new FeedFixture({}, { additions: 50 });
    const readers = Array.from(
      { length: 100 },
      (_, i) => new RecordingSubscriber([`own${i}`, "A"], i % 2 ? "all" : "latest", 1),
    );
    for (const reader of readers) fixture.connect(reader);
    for (let i = 0; i < 5; i++) fixture.publish({ key: "A", patch: { [`p${i}`]: i } });
    fixture.advance(5000);
    for (const reader of readers) expect(reader.view.state()).toEqual(fixture.entries());
    for (const reader of readers) if (reader.mode === "all") expect(reader.view.updates).toHaveLength(5);
  });

  test("is composed for as many groups as there is time for in one delivery: the others read it again", () => {
    const composed = vi.spyOn(MergedUpdate.prototype, "add");
    const fixture = new FeedFixture({}, { composedLength: 10_000 });
    const readers = Array.from({ length: 50 }, (_, i) => new RecordingSubscriber(["big", `own${i}`], "latest", 0.1));
    for (const reader of readers) fixture.connect(reader);
    fixture.advance(20_000);
    for (let i = 0; i < 5; i++) {
      const patch = Object.fromEntries(Array.from({ length: 200 }, (_, j) => [`m${j}`, i]));
      composed.mockClear();
      fixture.publish({ key: "big", patch });
      const length = composed.mock.calls.reduce((sum, [{ text }]) => sum + text.length, 0);
      expect(length).toBeLessThan(15_000);
      fixture.advance(10);
    }
    composed.mockRestore();
    fixture.advance(30_000);
    for (const reader of readers) expect(reader.view.state()).toEqual(fixture.entries());
  });

  test("is counted in bytes for all groups together, and read again above the limit", () => {
    const fixture = new FeedFixture({}, { pendingBytes: 100_000 });
    const slow = (["latest", "all"] as const).map((mode) => new RecordingSubscriber([], mode, 0.1));
    for (const subscriber of slow) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: {} });
    const text = "x".repeat(10_000);
    for (let i = 0; i < 50; i++) fixture.publish({ key: `k${i}`, set: { text } });
    for (const { subscriber } of slow) expect(subscriber!.group!.pending.bytes).toBeLessThan(100_000);
    fixture.advance(20_000);
    for (const subscriber of slow) expect(subscriber.view.state()).toEqual(fixture.entries());
    expect(slow[1]!.view.updates).toHaveLength(51);
  });

  test("is in memory once, however many groups an update waits for", () => {
    const fixture = new FeedFixture({}, { pendingBytes: 200_000 });
    const readers = Array.from({ length: 100 }, (_, i) => new RecordingSubscriber(["A", `own${i}`], "latest", 1));
    for (const reader of readers) fixture.connect(reader);
    fixture.publish({ key: "A", set: {} });
    fixture.advance(1);
    fixture.publish({ key: "A", set: { text: "x".repeat(10_000) } });
    for (const { subscriber } of readers) expect(subscriber!.group!.pending.size).toBe(1);
  });
});

describe("[I2] what waits for a group", () => {
  test.each(["all", "latest"] as const)("goes to each member from where it is, and nothing twice: %s", (mode) => {
    const { feed } = new FeedFixture();
    const pending = pendingFor(subscriptionOf([], mode), new PendingMemory());
    const texts = ["A", "B", "C"].map((key) => `{"key":"${key}","set":{}}`);
    for (const [i, text] of texts.entries())
      pending.add(new PendingUpdate(new AcceptedUpdate(text, i + 1)), { left: 1_000 });
    for (const seq of [0, 1, 2, 3]) expect(pending.after(seq, feed.entries)).toEqual(texts.slice(seq));
  });

  test("counts as skipped from when a member has come", () => {
    const fixture = new FeedFixture();
    const [early, late] = [0, 1].map(() => new RecordingSubscriber([], "latest", 1));
    fixture.connect(early!);
    for (let n = 0; n < 4; n++) fixture.publish({ key: "A", set: { n } });
    fixture.connect(late!);
    for (let n = 4; n < 6; n++) fixture.publish({ key: "A", set: { n } });
    fixture.advance(2_000);
    const skipped = [early, late].map((reader) => JSON.parse(reader!.sent.at(-1)!).skipped);
    expect(skipped).toEqual([4, 1]);
  });
});
