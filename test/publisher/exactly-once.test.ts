import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { PublishRefusedError, PublishUnknownError, type Update } from "../../src/publisher/index.ts";
import type { Fate } from "./fake-server.ts";
import { setUp } from "./set-up.ts";

afterEach(() => vi.useRealTimers());

const RUNS = Number(process.env["PROPERTY_RUNS"] || 300);

const fates = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant<Fate>("accept") },
    fc.constantFrom<Fate>(
      "lost",
      "receipt lost",
      "hang",
      "receipt hangs",
      "refused connection",
      { status: 500 },
      { status: 502, body: "<html>Bad gateway</html>" },
      { status: 503, body: { code: "overloaded" }, headers: { "retry-after": "4" } },
      { status: 429, headers: { "retry-after": "2" } },
    ),
  ),
  { maxLength: 40 },
);

/** What one caller does: publishes so many updates, as a batch or one by itself, after so many milliseconds. */
const call = fc.record({
  size: fc.integer({ min: 0, max: 4 }),
  bad: fc.boolean().chain((bad) => (bad ? fc.boolean() : fc.constant(false))),
  after: fc.constantFrom(0, 0, 0, 5, 300, 20_000),
});

interface Told {
  updates: Update[];
  bad: boolean;
  receipt: Promise<unknown>;
}

test("in whatever way requests fail, each update is applied once, in order, and each caller is told rightly", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(call, { maxLength: 25 }),
      fates,
      fc.integer({ min: 1, max: 8 }),
      async (calls, chain, batchUpdates) => {
        const { publisher, server } = setUp(chain, { batchUpdates });
        const told: Told[] = [];
        let n = 0;
        for (const { size, bad, after } of calls) {
          if (after > 0) await vi.advanceTimersByTimeAsync(after);
          const key = bad ? "bad" : "A";
          const updates = Array.from({ length: Math.max(size, 1) }, () => ({ key, set: { n: ++n } }));
          const receipt = publisher.publish(size === 0 && updates[0] ? updates[0] : updates);
          told.push({ updates, bad, receipt });
        }
        const closed = publisher.close().catch(() => []);
        await vi.runAllTimersAsync();
        expect(await closed).toEqual([]);
        expect(server.applied).toEqual(told.filter(({ bad }) => !bad).flatMap(({ updates }) => updates));
        expect(server.mostInFlight).toBeLessThanOrEqual(1);
        for (const { bad, receipt } of told) {
          if (bad) await expect(receipt).rejects.toBeInstanceOf(PublishRefusedError);
          else await expect(receipt).resolves.toMatchObject({ feed: "stocks" });
        }
      },
    ),
    { numRuns: RUNS },
  ));

test("over outages of any length nothing comes twice or out of order, and only what is said to be unknown may be missing", () =>
  fc.assert(
    fc.asyncProperty(fc.array(fates, { maxLength: 6 }), fc.integer({ min: 0, max: 120 }), async (chains, outage) => {
      const hangs = Array.from({ length: outage }, (): Fate => "receipt hangs");
      const { publisher, server } = setUp(
        chains.flatMap((chain) => [...chain, ...hangs]),
        { batchUpdates: 2 },
      );
      const told: Told[] = [];
      for (let n = 1; n <= 12; n++) {
        const updates = [{ key: "A", set: { n } }];
        told.push({ updates, bad: false, receipt: publisher.publish(updates) });
        await vi.advanceTimersByTimeAsync(30_000);
      }
      const closed = publisher.close().catch(() => []);
      await vi.runAllTimersAsync();
      await closed;
      const numbers = server.applied.map((update) => JSON.stringify(update));
      const sent = told.map(({ updates }) => JSON.stringify(updates[0]));
      expect(numbers).toEqual(sent.filter((text) => numbers.includes(text)));
      const missing: string[] = [];
      for (const [index, { receipt }] of told.entries()) {
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
