import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { Key } from "../../src/publisher/index.ts";
import { runs } from "../client/support/runs.ts";
import { call, keys, makeAll, outcomeOf, textsOf, type MadeCall, type Planned } from "./planned-calls.ts";
import type { Fate } from "./publish-endpoint.ts";
import { setUpSockets, type Fates } from "./set-up.ts";
import type { MessageFate, OpenFate } from "./socket-endpoint.ts";

afterEach(() => vi.useRealTimers());

const numRuns = runs(100);

/** After these, on either way, it is known that nothing was changed. */
const REFUSED: readonly MessageFate[] = [{ code: "rate_limited", retryAfter: 2 }, { code: "overloaded" }];
/** After these it is not. */
const UNKNOWN: readonly MessageFate[] = [
  "cut",
  "receipt lost",
  "unanswered",
  "hang",
  { cutAndLate: 50 },
  { cutAndLate: 90_000 },
  { close: 1012 },
  { close: 4404 },
  { close: 4429 },
  { close: 4503 },
  { unknown: "applied" },
  { unknown: "not applied" },
];
/** Final. Others may refuse so than the feed, or another time than now. */
const FINAL: readonly MessageFate[] = [
  { code: "forbidden" },
  { code: "feed_full" },
  { code: "too_large" },
  { code: "invalid_update" },
  { code: "out_of_order" },
];
const POSTS: readonly Fate[] = [
  "lost",
  "receipt lost",
  "receipt hangs",
  "refused connection",
  { late: 11_000 },
  { unknown: "applied" },
  { status: 503, body: { code: "overloaded" }, headers: { "retry-after": "4" } },
];

function chain<T>(weight: number, usual: T, ...others: readonly T[]): fc.Arbitrary<T[]> {
  return fc.array(fc.oneof({ weight, arbitrary: fc.constant(usual) }, fc.constantFrom(...others)), { maxLength: 60 });
}

const opens = chain<OpenFate>(3, "open", "refused", "silent");
const fates = (...messages: MessageFate[]): fc.Arbitrary<Fates> =>
  fc.record({
    opens,
    messages: chain<MessageFate>(5, "accept", ...messages),
    posts: chain<Fate>(2, "accept", ...POSTS),
  });

/** A burst of calls soon after one another, so that many are under way. */
const burst = fc.array(
  call.map(({ size, bad, after }) => ({ size, bad, after: after > 5 ? 0 : after })),
  { minLength: 1, maxLength: 40 },
);
const calls = fc
  .array(fc.tuple(burst, fc.constantFrom(0, 20, 300, 20_000, 90_000)), { minLength: 1, maxLength: 4 })
  .map((bursts) => bursts.flatMap(([[first, ...rest], after]) => (first ? [{ ...first, after }, ...rest] : [])));
const good = calls.map((calls) => calls.map((call) => ({ ...call, bad: false })));
const way = fc.record({ transport: fc.constantFrom("auto", "websocket" as const), inFlight: fc.constantFrom(2, 16) });
type Way = typeof way extends fc.Arbitrary<infer T> ? T : never;

async function play(calls: readonly Planned[], fates: Fates, way: Way, key?: Key) {
  // One update a batch, and those of a call: so that many batches are under way.
  const { publisher, feed, sockets } = setUpSockets(fates, { ...way, batchUpdates: 2, ...(key && { key }) });
  const made = await makeAll(publisher, calls);
  expect(sockets.mostInFlight).toBeLessThanOrEqual(way.inFlight);
  return { made, sockets, applied: textsOf(feed.applied) };
}

/** The updates of calls that are done were applied in the order of the calls. */
async function expectOrder(made: readonly MadeCall[], applied: readonly string[]): Promise<void> {
  const outcomes = await Promise.all(made.map((call) => outcomeOf(call, applied)));
  const done = made.filter((_, index) => outcomes[index] === "done").flatMap(({ updates }) => updates);
  expect(applied.filter((update) => done.includes(update))).toEqual(done);
}

test("in whatever way sockets and POSTs fail, each update is applied once, in order", async () => {
  const seen = { many: 0, sockets: 0, posts: 0 };
  await fc.assert(
    fc.asyncProperty(good, fates(...REFUSED, ...UNKNOWN), way, async (calls, fates, way) => {
      const { made, sockets, applied } = await play(calls, fates, way);
      expect(applied).toEqual(made.flatMap(({ updates }) => updates));
      for (const call of made) expect(await outcomeOf(call, applied)).toBe("done");
      seen.many += Number(sockets.mostInFlight > 3);
      seen.sockets += Number(sockets.seen.length > 3);
      seen.posts += Number(way.transport === "auto" && sockets.sockets.length > 1);
    }),
    { numRuns },
  );
  // The property proves something only if all of this happened.
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(numRuns / 20);
});

test("if no outcome is unknown, one caller's bad update fails no other call", () =>
  fc.assert(
    fc.asyncProperty(calls, chain<MessageFate>(5, "accept", ...REFUSED), way, async (calls, messages, way) => {
      const { made, applied } = await play(calls, { messages }, way);
      expect(applied).toEqual(made.filter(({ bad }) => !bad).flatMap(({ updates }) => updates));
      for (const call of made) expect(await outcomeOf(call, applied)).toBe(call.bad ? "undone" : "done");
    }),
    { numRuns },
  ));

test("[I1] nothing is applied twice or out of order, and nothing that is called undone is done, whatever is refused, late or forgotten in between", async () => {
  const seen = { done: 0, undone: 0, unknown: 0 };
  await fc.assert(
    fc.asyncProperty(
      calls,
      fates(...REFUSED, ...UNKNOWN, ...UNKNOWN, ...FINAL),
      way,
      keys,
      async (calls, fates, way, key) => {
        const { made, applied } = await play(calls, fates, way, key);
        expect(new Set(applied).size, "applied twice").toBe(applied.length);
        await expectOrder(made, applied);
        for (const call of made) seen[await outcomeOf(call, applied)]++;
      },
    ),
    { numRuns },
  );
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(numRuns / 10);
});
