import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { PublishRefusedError, PublishUnknownError, type Key, type Update } from "../../src/publisher/index.ts";
import type { Fate } from "./publish-endpoint.ts";
import { setUp, token } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const RUNS = Number(process.env["PROPERTY_RUNS"] || 150);

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

/** One call: publishes `size` updates as a batch (0: a single update), after so many milliseconds. */
const call = fc.record({
  size: fc.integer({ min: 0, max: 4 }),
  bad: fc.boolean().chain((bad) => (bad ? fc.boolean() : fc.constant(false))),
  after: fc.constantFrom(0, 0, 0, 5, 300, 20_000),
});

interface MadeCall {
  updates: Update[];
  bad: boolean;
  receipt: Promise<unknown>;
}

interface Scene {
  readonly calls: readonly { size: number; bad: boolean; after: number }[];
  readonly chain: readonly Fate[];
  readonly batchUpdates: number;
}

/** Makes all calls, each at its time, and waits until no request can arrive any more. */
async function play({ calls, chain, batchUpdates }: Scene, key?: Key) {
  const { publisher, server } = setUp(chain, { batchUpdates, ...(key && { key }) });
  const made: MadeCall[] = [];
  let n = 0;
  for (const { size, bad, after } of calls) {
    if (after > 0) await vi.advanceTimersByTimeAsync(after);
    const updates = Array.from({ length: Math.max(size, 1) }, () => ({ key: bad ? "bad" : "A", set: { n: ++n } }));
    const receipt = publisher.publish(size === 0 && updates[0] ? updates[0] : updates);
    // A rejection is looked at later.
    receipt.catch(() => {});
    made.push({ updates, bad, receipt });
  }
  const closed = publisher.close().catch(() => []);
  await vi.runAllTimersAsync();
  expect(await closed).toEqual([]);
  expect(server.mostInFlight).toBeLessThanOrEqual(1);
  return { made, server };
}

const good = call.map((call) => ({ ...call, bad: false }));
const sizes = fc.integer({ min: 1, max: 8 });

test("in whatever way requests fail, each update is applied once, in order", () =>
  fc.assert(
    fc.asyncProperty(fc.array(good, { maxLength: 25 }), fates, sizes, async (calls, chain, batchUpdates) => {
      const { made, server } = await play({ calls, chain, batchUpdates });
      expect(server.applied).toEqual(made.flatMap(({ updates }) => updates));
      for (const { receipt } of made) await expect(receipt).resolves.toMatchObject({ feed: "stocks" });
    }),
    { numRuns: RUNS },
  ));

test("if no outcome is unknown, one caller's bad update fails no other call, and each call has the right outcome", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      chainOf(...REFUSED),
      sizes,
      async (calls, chain, batchUpdates) => {
        const { made, server } = await play({ calls, chain, batchUpdates });
        expect(server.applied).toEqual(made.filter(({ bad }) => !bad).flatMap(({ updates }) => updates));
        for (const { bad, receipt } of made) {
          if (bad) await expect(receipt).rejects.toBeInstanceOf(PublishRefusedError);
          else await expect(receipt).resolves.toMatchObject({ feed: "stocks" });
        }
      },
    ),
    { numRuns: RUNS },
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

/** Credentials: always the same, or those that a function gives in turn, of one subject, of several, or of none. */
const keys: fc.Arbitrary<Key> = fc.oneof(
  fc.constant("publish-key"),
  fc
    .array(fc.constantFrom({ sub: "alice" }, { sub: "alice", n: 2 }, { sub: "bob" }, {}, { n: 2 }), { minLength: 1 })
    .map((claims) => {
      let asked = 0;
      return () => token(claims[asked++ % claims.length] ?? {});
    }),
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
        const { made, server } = await play({ calls, chain, batchUpdates }, key);
        const applied = server.applied.map((update) => JSON.stringify(update));
        expect(new Set(applied).size, "applied twice").toBe(applied.length);
        for (const { updates, receipt } of made) {
          const error: unknown = await receipt.then(
            () => undefined,
            (reason: unknown) => reason,
          );
          const there = updates.filter((update) => applied.includes(JSON.stringify(update))).length;
          if (error === undefined) expect(there, "done").toBe(updates.length);
          else if (error instanceof PublishUnknownError) expect([0, updates.length], "whole").toContain(there);
          else {
            expect(error).toBeInstanceOf(PublishRefusedError);
            expect(there, "undone").toBe(0);
          }
          seen[error === undefined ? "done" : error instanceof PublishUnknownError ? "unknown" : "undone"]++;
        }
        seen.late += Number(chain.some((fate) => typeof fate === "object" && "late" in fate));
        const bodies = new Map(server.seen.map(({ key, body }) => [key, body]));
        for (const { key, body } of server.seen) expect(body, "another body").toBe(bodies.get(key));
      },
    ),
    { numRuns: RUNS },
  );
  // The property proves something only if all of this happened.
  for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(RUNS / 10);
});

test("over outages of any length nothing comes twice or out of order, and only what is said to be unknown may be missing", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fates, { maxLength: 6 }), fc.integer({ min: 0, max: 120 }), async (chains, outage) => {
      const hangs = Array.from({ length: outage }, (): Fate => "receipt hangs");
      const { publisher, server } = setUp(
        chains.flatMap((chain) => [...chain, ...hangs]),
        { batchUpdates: 2 },
      );
      const made: MadeCall[] = [];
      for (let n = 1; n <= 12; n++) {
        const updates = [{ key: "A", set: { n } }];
        made.push({ updates, bad: false, receipt: publisher.publish(updates) });
        await vi.advanceTimersByTimeAsync(30_000);
      }
      const closed = publisher.close().catch(() => []);
      await vi.runAllTimersAsync();
      await closed;
      const numbers = server.applied.map((update) => JSON.stringify(update));
      const sent = made.map(({ updates }) => JSON.stringify(updates[0]));
      expect(numbers).toEqual(sent.filter((text) => numbers.includes(text)));
      const missing: string[] = [];
      for (const [index, { receipt }] of made.entries()) {
        const error: unknown = await receipt.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error === undefined) expect(numbers).toContain(sent[index]);
        else expect(error).toBeInstanceOf(PublishUnknownError);
        if (error !== undefined) missing.push(sent[index] ?? "");
      }
      expect(sent.filter((text) => !numbers.includes(text) && !missing.includes(text))).toEqual([]);
    }),
    { numRuns: Math.ceil(RUNS / 3) },
  ));
