import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SubscriberIndex, type Group } from "../../../src/feed/fanout/live/subscriber-index.ts";
import { AcceptedUpdate } from "../../../src/feed/state/record.ts";
import { encodeSet } from "../../../src/protocol/update.ts";
import { isWanted } from "../../support/view.ts";
import { FeedFixture, RecordingSubscriber, subscriptionOf } from "../fixture.ts";

describe("[I6] cost follows work", () => {
  test("an update finds exactly the groups that select its key, each once", () => {
    const names = fc.stringMatching(/^[ab.]{1,4}$/);
    const patterns = fc.array(
      fc.tuple(names, fc.boolean()).map(([name, prefix]) => (prefix ? `${name}*` : name)),
      {
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(fc.array(patterns, { maxLength: 12 }), names, fc.nat(), (selections, key, leaver) => {
        const audience = new SubscriberIndex<number>(1000);
        const groups = selections.map((keys, i) => {
          const group = audience.group(subscriptionOf(keys), 0);
          audience.join(i, group);
          return group;
        });
        const left = selections.length > 0 ? leaver % selections.length : -1;
        if (left >= 0) audience.leave(left, groups[left]!);
        const expected = new Set(groups.filter((_, i) => i !== left && isWanted(selections[i]!, key)));
        const found = [...audience.deliver(accepted(key))];
        expect(new Set(found)).toEqual(expected);
        expect(found).toHaveLength(expected.size);
      }),
    );
  });

  test("subscribers that come and go leave nothing behind", () => {
    const audience = new SubscriberIndex<number>(1000);
    const joined: [number, Group<number>][] = [];
    for (let i = 0; i < 100; i++) {
      const group = audience.group(subscriptionOf([`key${i % 7}`, `prefix${i % 3}.*`]), 0);
      audience.join(i, group);
      joined.push([i, group]);
    }
    expect(audience.size).toBe(100);
    for (const [i, group] of joined) audience.leave(i, group);
    expect(audience.size).toBe(0);
    expect([...audience.groups]).toEqual([]);
    expect([...audience.deliver(accepted("key1"))]).toEqual([]);
  });

  test("what subscribers of equal selection get is encoded once, however they wrote it", () => {
    const fixture = new FeedFixture();
    const subscribers = [
      ["A", "t.*"],
      ["t.*", "A", "A"],
      ["t.*", "A", "t.x"],
    ].map((keys) => new RecordingSubscriber(keys, "latest", undefined));
    for (const subscriber of subscribers) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: { p: 1 } });
    const frames = subscribers.map(({ sent }) => sent.at(-1)!);
    expect(new Set(frames).size).toBe(1);
    expect(new Set(subscribers.map(({ subscriber }) => subscriber!.group)).size).toBe(1);
  });
});

describe("very many who want the same", () => {
  test("are several groups, which newcomers fill up before there is another", () => {
    const audience = new SubscriberIndex<number>(3);
    const all = subscriptionOf([]);
    const join = (who: number): Group<number> => {
      const group = audience.group(all, 0);
      audience.join(who, group);
      return group;
    };
    const groups = Array.from({ length: 7 }, (_, who) => join(who));
    expect([...audience.groups].map(({ members }) => members.size)).toEqual([3, 3, 1]);
    expect([...audience.deliver(accepted("A"))]).toEqual([...audience.groups]);
    for (const who of [0, 1, 2]) audience.leave(who, groups[who]!);
    expect([...audience.deliver(accepted("A"))], "an empty one is gone").toEqual([groups[3], groups[6]]);
    audience.leave(3, groups[3]!);
    expect(join(8)).toBe(groups[3]);
  });
});

describe("windows", () => {
  test("a quiet feed sends at once, a busy one gathers and sends one message a window", () => {
    const fixture = new FeedFixture();
    const subscriber = new RecordingSubscriber([], "latest", undefined);
    fixture.connect(subscriber);
    const begin = subscriber.sent.length;
    for (let i = 0; i < 100; i++) {
      fixture.publish({ key: `k${i % 4}`, patch: { i } });
      fixture.pass(1);
    }
    fixture.pass(1000);
    const updates = subscriber.sent.slice(begin);
    // The first at once, then one each 50 ms.
    expect(updates.length).toBe(3);
    expect(JSON.parse(updates[0]!).updates).toEqual([{ key: "k0", patch: { i: 0 } }]);
    expect(JSON.parse(updates[1]!)).toMatchObject({ from: 1, skipped: 45 });
    expect(fixture.due, "no timer is wanted while nothing waits").toBeUndefined();
  });

  test("hz bounds how many messages a second a subscriber gets, and changes while it is live", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 2);
    fixture.connect(slow);
    const count = (seconds: number): number => {
      const before = slow.sent.length;
      for (let i = 0; i < seconds * 100; i++) {
        fixture.publish({ key: "A", patch: { i } });
        fixture.pass(10);
      }
      return slow.sent.length - before;
    };
    expect(count(5)).toBeLessThanOrEqual(11);
    fixture.pass(1000);
    expect(slow.view.updates).toHaveLength(500);
    fixture.broadcast.resubscribe(slow.subscriber!, subscriptionOf([], "all", 10), 1);
    const messages = count(5);
    expect(messages).toBeGreaterThan(40);
    expect(messages).toBeLessThanOrEqual(52);
  });

  test("[I5] mode=all with more waiting than memory may hold is served from the log, complete and in order", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 0.1);
    fixture.connect(slow);
    fixture.publish({ key: "A", set: { i: -1 } });
    for (let i = 0; i < 25_000; i++) fixture.publish({ key: "A", set: { i } });
    const group = slow.subscriber!.group!;
    expect(group.pending.size).toBeLessThanOrEqual(10_000);
    fixture.pass(20_000);
    expect(slow.view.updates).toHaveLength(25_001);
  });

  test("whoever the log no longer reaches gets a snapshot, lagging", () => {
    const fixture = new FeedFixture();
    const slow = new RecordingSubscriber([], "all", 0.1);
    fixture.connect(slow);
    fixture.publish({ key: "A", set: { i: -1 } });
    for (let i = 0; i < 25_000; i++) fixture.publish({ key: "A", set: { i } });
    fixture.log.start = 20_000;
    fixture.pass(20_000);
    expect(JSON.parse(slow.sent.at(-1)!)).toMatchObject({
      type: "snapshot",
      reason: "lagging",
      entries: { A: { i: 24_999 } },
    });
  });
});

function accepted(key: string): AcceptedUpdate {
  return new AcceptedUpdate(encodeSet(key, "{}", {}), 1);
}
