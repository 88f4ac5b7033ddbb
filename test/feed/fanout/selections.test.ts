import { describe, expect, test } from "vitest";
import { FANOUT_LIMITS } from "../../../src/feed/fanout/fanout-limits.ts";
import { Selections } from "../../../src/feed/fanout/selections.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, SILENT, subscriptionOf } from "../recording-subscriber.ts";

const LIMITS = { ...FANOUT_LIMITS, patterns: 100, patternsPerAccount: 20 };
const ACCOUNT = { account: "a" };
const FIFTEEN = subscriptionOf(Array.from({ length: 15 }, (_, i) => `key${i}`));
const SIX = subscriptionOf(["a", "b", "c", "d", "e", "f"]);
const FIVE = subscriptionOf(["a", "b", "c", "d", "e"]);

function keysFrom(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${from + i}`);
}

describe("[I9] subscriptions that are held", () => {
  test("[STEP7] are counted by group: another rate or mode is counted again", () => {
    const selections = new Selections(LIMITS);
    selections.hold(FIFTEEN, ACCOUNT);
    expect(selections.refusal(FIFTEEN, ACCOUNT), "is counted already").toBeUndefined();
    for (const other of [{ hz: 5 }, { mode: "all" as const }, { hz: 0.1, mode: "all" as const }]) {
      expect(selections.refusal({ ...FIFTEEN, ...other }, ACCOUNT)).toBe("rate_limited");
    }
  });

  test("are counted once, on the account that came first, until the last holder has released them", () => {
    const selections = new Selections(LIMITS);
    selections.hold(FIFTEEN, ACCOUNT);
    selections.hold(FIFTEEN, { account: "b" });
    expect(selections.refusal(FIVE, ACCOUNT), "is counted once").toBeUndefined();
    expect(selections.refusal(SIX, ACCOUNT)).toBe("rate_limited");
    expect(selections.refusal(SIX, { account: "b" })).toBeUndefined();
    selections.release(FIFTEEN);
    expect(selections.refusal(SIX, ACCOUNT), "is still held").toBe("rate_limited");
    selections.release(FIFTEEN);
    expect(selections.refusal({ ...FIFTEEN, hz: 5 }, ACCOUNT), "is given back").toBeUndefined();
  });

  test("share one selection object, as long as any of them is held", () => {
    const selections = new Selections(LIMITS);
    const again = { ...subscriptionOf(["e", "d", "c", "b", "a"]), hz: 5 };
    selections.hold(FIVE, ACCOUNT);
    expect(selections.shared(again).selection).toBe(FIVE.selection);
    expect(selections.shared(again).hz).toBe(5);
    selections.release(FIVE);
    expect(selections.shared(again)).toBe(again);
  });

  test("[MERGE1] at rates that are nearly equal are one group, at a rate that is not above what was asked for", () => {
    const fixture = new FeedFixture();
    const readers = Array.from({ length: 200 }, (_, i) => new RecordingSubscriber([], "latest", 1.5 + i * 1e-10));
    for (const reader of readers) fixture.connect(reader);
    fixture.advance(10);
    const rates = new Set(readers.map(({ subscriber }) => subscriber!.group!.subscription.hz));
    expect(rates).toEqual(new Set([1.5]));
    for (const hz of [0.1, 0.15, 1, 4, 9.99, 10, 59.9, 60]) {
      const reader = new RecordingSubscriber(["own"], "latest", hz);
      fixture.connect(reader);
      fixture.advance(1);
      const rounded = reader.subscriber!.group!.subscription.hz!;
      expect(rounded).toBeLessThanOrEqual(hz);
      expect(rounded).toBeGreaterThan(hz * 0.89);
    }
  });
});

describe("[STEP7] [I9] patterns that subscribers select", () => {
  test("are counted also while a subscribe message waits, until it is answered or its subscriber is gone", () => {
    const bounds = { partLength: 100, backlogHigh: 300, patterns: 60, patternsPerAccount: 20 };
    const fixture = new FeedFixture({}, bounds);
    fixture.publish(...Array.from({ length: 60 }, (_, i): Update => ({ key: `k.${i}`, set: {} })));
    const reader = new RecordingSubscriber();
    const other = new RecordingSubscriber();
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
      fixture.advance(10);
    }
    expect(reader.view.position?.seq).toBe(fixture.feed.seq);
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 10))), "all are answered").toBeUndefined();
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 11)))).toBe("rate_limited");
    fixture.reset("e2");
    fixture.disconnect(reader);
    expect(broadcast.refusal(reader, subscriptionOf(keysFrom(10, 20)))).toBeUndefined();
  });

  test("count as several if they are long", () => {
    const { broadcast } = new FeedFixture({}, { patternsPerAccount: 20 });
    const refusal = (count: number, letter: string): unknown =>
      broadcast.refusal({ account: "a" }, subscriptionOf(keysFrom(0, count).map((key) => key.padEnd(120, letter))));
    expect(refusal(3, "x")).toBeUndefined();
    expect(refusal(4, "x")).toBe("rate_limited");
    expect(refusal(1, "ж")).toBeUndefined();
    expect(refusal(2, "ж")).toBe("rate_limited");
  });

  test("are left for callers with a credential, however many anonymous ones use, and for keys, whatever tokens do", () => {
    const { broadcast } = new FeedFixture({}, { patterns: 100, patternsPerAccount: 30 });
    let from = 0;
    /** Subscribes to ten keys at a time until it is refused. Returns how many keys it got, and the refusal. */
    const fill = (kind: "anonymous" | "key" | "token", accountOf: (i: number) => string): unknown[] => {
      for (let i = 0; ; i++) {
        const account = { account: accountOf(i), kind };
        const subscription = subscriptionOf(keysFrom((from += 10), 10));
        const refusal = broadcast.refusal(account, subscription);
        if (refusal) return [10 * i, refusal];
        broadcast.subscribe({ ...SILENT, ...account }, subscription, undefined);
      }
    };
    expect(fill("anonymous", (i) => `address ${i >> 1}`)).toEqual([50, "overloaded"]);
    expect(fill("token", () => "one")).toEqual([20, "rate_limited"]);
    expect(fill("token", (i) => `another ${i}`)).toEqual([0, "overloaded"]);
    expect(fill("key", (i) => `key ${i}`)).toEqual([30, "overloaded"]);
  });
});
