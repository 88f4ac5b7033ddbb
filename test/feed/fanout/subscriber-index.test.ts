import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SubscriberIndex } from "../../../src/feed/fanout/live/subscriber-index.ts";
import { Subscriber } from "../../../src/feed/fanout/subscriber.ts";
import { AcceptedUpdate } from "../../../src/feed/state/accepted-update.ts";
import { encodeSet } from "../../../src/protocol/update.ts";
import { isWanted } from "../../support/view.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber, SILENT, subscriptionOf } from "../recording-subscriber.ts";

/** A subscriber of the index alone: it is sent nothing. */
function subscriberOf(keys: readonly string[]): Subscriber {
  return new Subscriber(SILENT, subscriptionOf(keys), undefined, "new");
}

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
        const index = new SubscriberIndex(1000);
        const subscribers = selections.map(subscriberOf);
        const groups = subscribers.map((subscriber) => index.join(subscriber, 0));
        const left = selections.length > 0 ? leaver % selections.length : -1;
        if (left >= 0) index.leave(subscribers[left]!);
        const expected = new Set(groups.filter((_, i) => i !== left && isWanted(selections[i]!, key)));
        const found = [...index.add(updateOf(key))];
        expect(new Set(found)).toEqual(expected);
        expect(found).toHaveLength(expected.size);
      }),
    );
  });

  test("subscribers that come and go leave nothing behind", () => {
    const index = new SubscriberIndex(1000);
    const subscribers = Array.from({ length: 100 }, (_, i) => subscriberOf([`key${i % 7}`, `prefix${i % 3}.*`]));
    for (const subscriber of subscribers) index.join(subscriber, 0);
    expect(index.groups.reduce((sum, { members }) => sum + members.size, 0)).toBe(100);
    expect(index.groups).toHaveLength(21);
    for (const subscriber of subscribers) index.leave(subscriber);
    expect(index.groups).toEqual([]);
    expect([...index.add(updateOf("key1"))]).toEqual([]);
    expect(index.pendingMemory.bytes).toBe(0);
  });

  test("[MERGE1] messages to subscribers with equal selections are encoded once, however the selections were written", () => {
    const fixture = new FeedFixture();
    const subscribers = [
      ["A", "t.*"],
      ["t.*", "A", "A"],
      ["t.*", "A", "t.x"],
    ].map((keys) => new RecordingSubscriber(keys));
    for (const subscriber of subscribers) fixture.connect(subscriber);
    fixture.publish({ key: "A", set: { p: 1 } });
    const frames = subscribers.map(({ sent }) => sent.at(-1)!);
    expect(new Set(frames).size).toBe(1);
    expect(new Set(subscribers.map(({ subscriber }) => subscriber!.group)).size).toBe(1);
  });
});

describe("[MERGE1] very many subscribers of the same", () => {
  test("are several groups, which newcomers fill up before there is another", () => {
    const index = new SubscriberIndex(3);
    const subscribers = Array.from({ length: 8 }, () => subscriberOf([]));
    const groups = subscribers.slice(0, 7).map((subscriber) => index.join(subscriber, 0));
    expect(index.groups.map(({ members }) => members.size)).toEqual([3, 3, 1]);
    expect([...index.add(updateOf("A"))]).toEqual(index.groups);
    for (const subscriber of subscribers.slice(0, 3)) index.leave(subscriber);
    expect([...index.add(updateOf("A"))], "an empty one is gone").toEqual([groups[3], groups[6]]);
    index.leave(subscribers[3]!);
    expect(index.join(subscribers[7]!, 0)).toBe(groups[3]);
  });
});

function updateOf(key: string): AcceptedUpdate {
  return new AcceptedUpdate(encodeSet(key, "{}", {}), 1);
}
