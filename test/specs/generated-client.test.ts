import fc from "fast-check";
import { expect, test } from "vitest";
import { runs } from "../support/runs.ts";
import { conforms } from "./exchange.ts";
import { invalidRequests, send, validRequests, type Sent } from "./requests.ts";
import { operations, type Operation } from "./served.ts";

type Case<More extends unknown[]> = [method: string, path: string, operation: Operation, ...More];

const ALL = operations.map((one): Case<[]> => [one.method.toUpperCase(), one.path, one]);
/** The operations that can be called wrongly, preflights aside. */
const REFUSING = ALL.flatMap(([method, path, one]): Case<[fc.Arbitrary<Sent>]>[] => {
  const invalid = invalidRequests(one);
  return method === "OPTIONS" || !invalid ? [] : [[method, path, one, invalid]];
});
const OF_ITS_FORM = [400, 413, 415, 422];

test.each(ALL)(
  "%s %s takes what the document allows, and answers as it says",
  { timeout: 600_000 },
  async (_, __, one) => {
    const statuses = new Set<number>();
    const property = fc.asyncProperty(validRequests(one), async (sent) => {
      const { status, code } = await conforms(one, await send(one, sent));
      // The request is right, but an earlier one had the same key.
      if (code !== "idempotency_mismatch") expect(status, code).toBeLessThan(400);
      statuses.add(status);
    });
    await fc.assert(property, { numRuns: runs(8), endOnFailure: false });
    expect([...statuses]).toContain(one.method === "options" ? 204 : 200);
  },
);

test.each(REFUSING)(
  "%s %s refuses what the document forbids, as it says",
  { timeout: 600_000 },
  async (_, __, one, invalid) => {
    const property = fc.asyncProperty(invalid, async (sent) => {
      const { status } = await conforms(one, await send(one, sent));
      expect(OF_ITS_FORM).toContain(status);
    });
    await fc.assert(property, { numRuns: runs(8), endOnFailure: false });
  },
);

test("every operation with parameters or a body forbids something", () => {
  const paths = new Set(REFUSING.map(([method, path]) => `${method} ${path}`));
  for (const request of [
    "POST /v1/feeds/{feed}",
    "GET /v1/feeds/{feed}",
    "GET /v1/feeds",
    "GET /v1/feeds/{feed}/history",
  ])
    expect(paths).toContain(request);
});
