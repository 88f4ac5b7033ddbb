import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FanoutLimits } from "../../../src/feed/fanout/fanout-limits.ts";
import type { FlushPolicy } from "../../../src/feed/fanout/live/flush-schedule.ts";
import type { Update } from "../../../src/protocol/update.ts";
import { runs } from "../../support/runs.ts";
import { cutTo, isWanted } from "../../support/view.ts";
import { FeedFixture } from "../fixture.ts";
import { RecordingSubscriber } from "../recording-subscriber.ts";

/** Few keys and members, so that everything meets everything else. */
const keys = fc.constantFrom("A", "A", "B", "tech.X", "tech.Y", "z");
const selections = fc.constantFrom<string[]>(
  [],
  ["A"],
  ["tech.*"],
  ["A", "tech.*"],
  ["A", "B", "tech.X"],
  ["*"],
  ["none"],
);
/** What subscribers select of the values: all, or some. */
const fields = fc.constantFrom<string[]>([], [], ["p"], ["q"], ["p", "q", "r"], ["none"]);
const value = fc.constantFrom({ p: 1 }, { p: 2, q: { r: 1 } }, { q: null }, { q: { r: null, s: 2 } }, { q: 3 }, {});
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ key: keys, set: value }),
  fc.record({ key: keys, patch: value }),
  fc.record({ key: keys, patch: value }),
  fc.record({ key: keys, delete: fc.constant<true>(true) }),
  fc.record({ key: keys, set: value, ttl: fc.constantFrom(0.1, 1) }),
  fc.record({ key: keys, set: value, version: fc.integer({ min: 1, max: 4 }) }),
);

type Step =
  | { do: "publish"; updates: Update[] }
  | { do: "connect" | "disconnect" | "resume" | "stall" | "slow" | "read"; who: number }
  | { do: "take"; who: number; bytes: number }
  | { do: "subscribe"; who: number; keys: string[]; fields: string[] }
  | { do: "advance"; ms: number }
  | { do: "rebuild" }
  | { do: "replace"; isReset: boolean }
  | { do: "reset" };

const who = fc.nat({ max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      updates: fc.array(update, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom("connect", "disconnect", "resume", "stall", "slow", "read"), who }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("take" as const), who, bytes: fc.constantFrom(30, 100, 300) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("subscribe" as const), who, keys: selections, fields }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("advance" as const), ms: fc.constantFrom(1, 1, 20, 60, 2000) }) },
  { weight: 2, arbitrary: fc.constant({ do: "rebuild" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "reset" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("replace" as const), isReset: fc.boolean() }) },
);

type Setting = [keys: string[], mode: "latest" | "all", hz: number | undefined, fields: string[]];

const settings = fc.array(
  fc.tuple(selections, fc.constantFrom("latest" as const, "all" as const), fc.constantFrom(undefined, 1, 10), fields),
  {
    minLength: 5,
    maxLength: 5,
  },
);

/** Updates at once or gathered, subscribers all together or by turns, slices long or of one message. */
const policies: fc.Arbitrary<Omit<FlushPolicy, "window">> = fc.record({
  capacity: fc.constantFrom(0, 1_000_000),
  slice: fc.constantFrom(1, 2, 100),
  group: fc.constantFrom(1, 2, 100),
  turn: fc.constantFrom(0, 20, 50),
});

type Example = [policy: Omit<FlushPolicy, "window">, limits: Partial<FanoutLimits>, settings: Setting[], steps: Step[]];

/** A subscriber drains while an update waits for its group: what its catch-up contained must not count as merged again. */
const CAUGHT_UP_WHILE_OTHERS_WAIT: Example = [
  { capacity: 0, slice: 1, group: 100, turn: 50 },
  {},
  [[[], "latest", 10, []], ...Array.from({ length: 4 }, (): Setting => [[], "latest", undefined, []])],
  [
    { do: "stall", who: 0 },
    { do: "publish", updates: [{ key: "A", set: { p: 1 } }] },
    { do: "advance", ms: 60 },
    { do: "advance", ms: 60 },
    { do: "connect", who: 0 },
    { do: "advance", ms: 60 },
    { do: "publish", updates: [{ key: "A", set: { p: 1 } }] },
    { do: "advance", ms: 60 },
    { do: "read", who: 0 },
    { do: "publish", updates: [{ key: "A", patch: { p: 1 } }] },
    { do: "advance", ms: 20 },
    { do: "publish", updates: [{ key: "A", patch: { p: 1 } }] },
  ],
];

/** The feed is built anew while the answer to a `subscribe` message is made, and no part of it is sent yet. */
const TAKEN_OVER_AMID_AN_ANSWER: Example = [
  { capacity: 0, slice: 1, group: 1, turn: 0 },
  { stepWork: 2000, frozenBytes: 1, pendingBytes: 1, additions: 0 },
  Array.from({ length: 5 }, (): Setting => [[], "latest", undefined, []]),
  [
    { do: "connect", who: 2 },
    { do: "publish", updates: [{ key: "A", set: { p: 1 } }] },
    { do: "advance", ms: 1 },
    { do: "subscribe", who: 2, keys: ["tech.*"], fields: [] },
    { do: "replace", isReset: false },
  ],
];

/** The limits of a deployment, or so small that lists of a few keys are sent in parts, shared and given up. */
const limits: fc.Arbitrary<Partial<FanoutLimits>> = fc.oneof<fc.WeightedArbitrary<Partial<FanoutLimits>>[]>(
  { weight: 1, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.record({
      partLength: fc.constantFrom(1, 20, 60),
      stepWork: fc.constantFrom(1, 2_000, 20_000, 1_000_000),
      backlogHigh: fc.constantFrom(60, 200, 1000),
      backlogTotal: fc.constantFrom(500, 1500, 10_000_000),
      frozenBytes: fc.constantFrom(1, 60, 200),
      frozenPerAccount: fc.constantFrom(1, 2, 4),
      pendingBytes: fc.constantFrom(1, 700, 3000, 1_000_000),
      additions: fc.constantFrom(0, 3, 20_000),
    }),
  },
);

describe("[I2] [FIELD2] a subscriber's view equals the feed's entries, restricted to its selection", () => {
  test("after any publishes, stalls, disconnects, resumes, selection changes, resets, rebuilds and replacements", () => {
    const seen = { updates: 0, snapshots: 0, skipped: 0, parts: 0, between: 0, dropped: 0, older: 0, jobs: 0 };
    fc.assert(
      fc.property(
        policies,
        limits,
        settings,
        fc.array(step, { maxLength: 80, size: "max" }),
        (policy, limits, settings, steps) => {
          const subscribers = settings.map((setting) => new RecordingSubscriber(...setting));
          for (const [i, subscriber] of subscribers.entries()) subscriber.account = i < 2 ? "two" : String(i);
          const fixture = new FeedFixture(policy, limits);
          for (const [i, step] of steps.entries()) {
            act(fixture, subscribers, step, `e${i + 2}`);
            for (const { subscriber, view, dropped } of subscribers) {
              if (view.partial) seen.between++;
              if (dropped) seen.dropped++;
              if (subscriber && !subscriber.group) seen.jobs++;
            }
          }
          for (const subscriber of subscribers) {
            subscriber.waiting = 0;
            subscriber.slow = false;
          }
          fixture.advance(5000);
          // Subscribers that were dropped come back, as often as it takes.
          for (
            let round = 0;
            round === 0 || (round < 10 && subscribers.some(({ subscriber }) => !subscriber));
            round++
          ) {
            for (const subscriber of subscribers)
              if (!subscriber.subscriber) rejoin(fixture, subscriber, subscriber.view.position !== undefined);
            fixture.advance(5000);
          }
          // What has expired meanwhile is sent by turns, too.
          fixture.advance(5000);
          for (const subscriber of subscribers) {
            expect(subscriber.view.state()).toEqual(restricted(fixture, subscriber));
            if (subscriber.older) seen.older++;
            for (const message of subscriber.sent) {
              if (message.startsWith('{"type":"update"')) seen.updates++;
              else seen.snapshots++;
              if (message.endsWith('"more":true}')) seen.parts++;
              if (message.includes('"skipped":')) seen.skipped++;
            }
          }
          expect(fixture.broadcast.step(fixture.now), "a window is open though nothing waits").toBeUndefined();
        },
      ),
      { numRuns: runs(600), examples: [CAUGHT_UP_WHILE_OTHERS_WAIT, TAKEN_OVER_AMID_AN_ANSWER] },
    );
    // The property is worth something only if all of this happened.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(0);
  });
});

function act(fixture: FeedFixture, subscribers: readonly RecordingSubscriber[], step: Step, epoch: string): void {
  const subscriber = "who" in step ? subscribers[step.who]! : undefined;
  switch (step.do) {
    case "publish":
      fixture.publish(...step.updates);
      break;
    case "connect":
      if (!subscriber!.subscriber) rejoin(fixture, subscriber!, false);
      break;
    case "resume":
      fixture.disconnect(subscriber!);
      rejoin(fixture, subscriber!, subscriber!.view.position !== undefined);
      break;
    case "disconnect":
      fixture.disconnect(subscriber!);
      break;
    case "stall":
      subscriber!.waiting = 1_000_000;
      break;
    case "slow":
      subscriber!.slow = true;
      break;
    case "take":
      subscriber!.waiting = Math.max(0, subscriber!.waiting - step.bytes);
      break;
    case "read":
      subscriber!.waiting = 0;
      subscriber!.slow = false;
      break;
    case "subscribe":
      if (subscriber!.subscriber) {
        subscriber!.ask(fixture.broadcast, step.keys, step.fields);
      } else {
        subscriber!.keys = step.keys;
        subscriber!.fields = step.fields;
        // A position belongs to a selection: with another selection, a client begins without one.
        subscriber!.view.position = undefined;
      }
      break;
    case "advance":
      fixture.advance(step.ms);
      break;
    case "rebuild":
      fixture.rebuild(subscribers);
      break;
    case "reset":
      fixture.reset(epoch);
      break;
    case "replace":
      fixture.replace(subscribers, step.isReset ? epoch : undefined);
      break;
  }
}

function rejoin(fixture: FeedFixture, subscriber: RecordingSubscriber, resume: boolean): void {
  const { position } = subscriber.view;
  fixture.connect(subscriber, resume && position ? `${position.epoch}:${position.seq}` : undefined);
}

function restricted(fixture: FeedFixture, { keys, fields }: RecordingSubscriber): Record<string, unknown> {
  const wanted = Object.entries(fixture.entries()).filter(([key]) => isWanted(keys, key));
  return Object.fromEntries(wanted.map(([key, value]) => [key, cutTo(value, fields)]));
}
