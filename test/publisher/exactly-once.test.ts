import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import type { Key } from "../../src/publisher/index.ts";
import { runs } from "../client/support/runs.ts";
import { call, keys, makeAll, outcomeOf, textsOf, type Planned } from "./planned-calls.ts";
import type { Fate } from "./publish-endpoint.ts";
import { often, setUp } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const numRuns = runs(100);

/** After these it is known that nothing was changed. */
const REFUSED: readonly Fate[] = [
  "refused connection",
  { status: 503, body: { code: "overloaded" }, headers: { "retry-after": "4" } },
  { status: 429, headers: { "retry-after": "2" } },
];
/** After these it is not. */
const UNKNOWN: readonly Fate[] = [
  "lost",
  "receipt lost",
  "hang",
  "receipt hangs",
  { unknown: "applied" },
  { unknown: "not applied" },
  { late: 50 },
  { late: 11_000 },
  { late: 90_000 },
  { status: 500 },
  { status: 500, body: { code: "internal" } },
  { status: 502, body: "<html>Bad gateway</html>" },
];
/** These are final: another try would be answered the same. */
const FINAL: readonly Fate[] = [
  { status: 401, body: { code: "unauthorized" } },
  { status: 403, body: { code: "forbidden" } },
  { status: 404, body: { code: "not_found" } },
  { status: 409, body: { code: "feed_full" } },
  { status: 413, body: { code: "too_large" } },
  { status: 422, body: { code: "invalid_update" } },
];

const chainOf = (...kinds: Fate[]): fc.Arbitrary<Fate[]> =>
  fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant<Fate>("accept") }, fc.constantFrom(...kinds)), {
    maxLength: 40,
  });
const fates = chainOf(...REFUSED, ...UNKNOWN);

/** Makes all calls over a chain of fates. */
async function play(calls: readonly Planned[], chain: readonly Fate[], batchUpdates: number, key?: Key) {
  const { publisher, server } = setUp(chain, { batchUpdates, ...(key && { key }) });
  const made = await makeAll(publisher, calls);
  expect(server.mostInFlight).toBeLessThanOrEqual(1);
  return { made, server, applied: textsOf(server.applied) };
}

const good = call.map((call) => ({ ...call, bad: false }));
const sizes = fc.integer({ min: 1, max: 8 });

test("in whatever way requests fail, each update is applied once, in order", () =>
  fc.assert(
    fc.asyncProperty(fc.array(good, { maxLength: 25 }), fates, sizes, async (calls, chain, batchUpdates) => {
      const { made, applied } = await play(calls, chain, batchUpdates);
      expect(applied).toEqual(made.flatMap(({ updates }) => updates));
      for (const call of made) expect(await outcomeOf(call, applied)).toBe("done");
    }),
    { numRuns },
  ));

test("if no outcome is unknown, one caller's bad update fails no other call, and each call has the right outcome", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      chainOf(...REFUSED),
      sizes,
      async (calls, chain, batchUpdates) => {
        const { made, applied } = await play(calls, chain, batchUpdates);
        expect(applied).toEqual(made.filter(({ bad }) => !bad).flatMap(({ updates }) => updates));
        for (const call of made) expect(await outcomeOf(call, applied)).toBe(call.bad ? "undone" : "done");
      },
    ),
    { numRuns },
  ));

/** Some requests are accepted. */
const hostile = fc.array(
  fc.oneof(
    fc.constant<Fate>("accept"),
    fc.constantFrom(...REFUSED),
    { weight: 2, arbitrary: fc.constantFrom(...UNKNOWN) },
    fc.constantFrom(...FINAL),
  ),
  { maxLength: 40, size: "max" },
);

test("[I1] nothing is applied twice and nothing that is called undone is done, over kills after the commit, requests that arrive late, refusals in between and changing credentials", async () => {
  const seen = { done: 0, undone: 0, unknown: 0, late: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      hostile,
      sizes,
      keys,
      async (calls, chain, batchUpdates, key) => {
        const { made, server, applied } = await play(calls, chain, batchUpdates, key);
        expect(new Set(applied).size, "applied twice").toBe(applied.length);
        for (const call of made) seen[await outcomeOf(call, applied)]++;
        seen.late += Number(chain.some((fate) => typeof fate === "object" && "late" in fate));
        // A number that was refused may be used again; one that may have been applied may not.
        const doubted = new Map<string, string>();
        for (const [index, { key, body }] of server.seen.entries()) {
          expect(doubted.get(key) ?? body, "another body").toBe(body);
          if (UNKNOWN.includes(chain[index] ?? "accept")) doubted.set(key, body);
        }
      },
    ),
    { numRuns },
  );
  // The property proves something only if all of this happened.
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(numRuns / 10);
});

test("over outages of any length nothing comes twice or out of order, and only what is said to be unknown may be missing", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fates, { maxLength: 6 }), fc.integer({ min: 0, max: 120 }), async (chains, outage) => {
      const chain = chains.flatMap((chain) => [...chain, ...often<Fate>(outage, "receipt hangs")]);
      const { made, applied } = await play(often(12, { size: 1, bad: false, after: 30_000 }), chain, 2);
      expect(applied).toEqual(made.flatMap(({ updates }) => updates.filter((update) => applied.includes(update))));
      for (const call of made) expect(await outcomeOf(call, applied)).not.toBe("undone");
    }),
    { numRuns: Math.ceil(numRuns / 3) },
  ));
