import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Budget, SHARE_BYTES } from "../../../src/feed/fanout/budget.ts";
import { runs } from "../../support/runs.ts";

const KINDS = ["log", "history", "answers", "waits", "publishes", "groups"] as const;
const NONE = { log: [], history: [], answers: [], waits: [], publishes: [], groups: [] };
const ALL = Object.values(SHARE_BYTES).reduce((sum, bytes) => sum + bytes, 0);

const act = fc.record({
  kind: fc.constantFrom(...KINDS),
  bytes: fc.integer({ min: 1, max: 2 * SHARE_BYTES.pool }),
  gives: fc.boolean(),
});

describe("[I9] the memory budget", () => {
  test("is as large as SPEC.md says", () => {
    expect(ALL).toBeLessThan(10_500_000);
  });

  test("is never overdrawn, keeps what is reserved for each share, and has all back at the end", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const budget = new Budget();
        const taken: Record<(typeof KINDS)[number], number[]> = structuredClone(NONE);
        const used = (kind: (typeof KINDS)[number]): number => taken[kind].reduce((sum, bytes) => sum + bytes, 0);
        for (const { kind, bytes, gives } of acts) {
          if (gives) budget[kind].give(taken[kind].pop() ?? 0);
          else {
            const has = budget[kind].has(bytes);
            expect(budget[kind].take(bytes)).toBe(has);
            if (has) taken[kind].push(bytes);
            else expect(used(kind) + bytes, "what is reserved is there").toBeGreaterThan(SHARE_BYTES[kind]);
          }
          expect(budget.left).toBeGreaterThanOrEqual(0);
          expect(KINDS.reduce((sum, kind) => sum + used(kind), 0)).toBeLessThanOrEqual(ALL);
        }
        for (const kind of KINDS) for (const bytes of taken[kind]) budget[kind].give(bytes);
        expect(budget.left).toBe(SHARE_BYTES.pool);
      }),
      { numRuns: runs(100) },
    );
  });

  test.each(KINDS)("leaves what is reserved to each other share, and no more, if %s has used up the pool", (greedy) => {
    const budget = new Budget();
    expect(budget[greedy].take(SHARE_BYTES[greedy] + SHARE_BYTES.pool)).toBe(true);
    expect(budget[greedy].take(1)).toBe(false);
    for (const kind of KINDS.filter((kind) => kind !== greedy)) {
      expect(budget[kind].take(SHARE_BYTES[kind])).toBe(true);
      expect(budget[kind].take(1)).toBe(false);
      budget[kind].give(SHARE_BYTES[kind]);
    }
    budget[greedy].give(SHARE_BYTES[greedy] + SHARE_BYTES.pool);
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });

  test("keeps what is reserved for the first reader of the log, whichever reader that becomes", () => {
    const budget = new Budget();
    const { log } = budget;
    const own = SHARE_BYTES.log;
    expect(log.setAll(own / 2, own / 2)).toBe(true);
    expect(budget.left).toBe(SHARE_BYTES.pool);
    expect(log.setAll(own / 2 + SHARE_BYTES.pool, own / 2), "the others have the whole pool").toBe(true);
    expect(log.has(1)).toBe(false);
    expect(log.setAll(own + SHARE_BYTES.pool, own), "the first goes on").toBe(true);
    expect(log.setAll(own + 1 + SHARE_BYTES.pool, own + 1)).toBe(false);
    expect(log.setAll(SHARE_BYTES.pool, SHARE_BYTES.pool), "the next is the first").toBe(true);
    expect(budget.left).toBe(own);
    log.setAll(0, 0);
    expect(budget.left).toBe(SHARE_BYTES.pool);
  });
});
