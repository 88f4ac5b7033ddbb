import * as fc from "fast-check";
import { expect, vi } from "vitest";
import {
  PublishRefusedError,
  PublishUnknownError,
  type Key,
  type Publisher,
  type Update,
} from "../../src/publisher/index.ts";
import { token } from "./set-up.ts";

/** One call: publishes `size` updates as a batch (0: a single update), after so many milliseconds. */
export interface Planned {
  readonly size: number;
  readonly bad: boolean;
  readonly after: number;
}

export const call: fc.Arbitrary<Planned> = fc.record({
  size: fc.integer({ min: 0, max: 4 }),
  bad: fc.boolean().chain((bad) => (bad ? fc.boolean() : fc.constant(false))),
  after: fc.constantFrom<number>(0, 0, 0, 5, 300, 20_000),
});

/** Credentials: always the same, or those that a function gives in turn, of one subject, of several, or of none. */
export const keys: fc.Arbitrary<Key> = fc.oneof(
  fc.constant("publish-key"),
  fc
    .array(fc.constantFrom({ sub: "alice" }, { sub: "alice", n: 2 }, { sub: "bob" }, {}, { n: 2 }), { minLength: 1 })
    .map((claims) => {
      let asked = 0;
      return () => token(claims[asked++ % claims.length] ?? {});
    }),
);

/** A call that was made; its updates as JSON, each with a number of its own. */
export interface MadeCall {
  readonly updates: readonly string[];
  readonly bad: boolean;
  readonly receipt: Promise<unknown>;
}

/** Makes all calls, each at its time, and waits until nothing can arrive any more. */
export async function makeAll(publisher: Publisher, calls: readonly Planned[]): Promise<MadeCall[]> {
  const made: MadeCall[] = [];
  let n = 0;
  for (const { size, bad, after } of calls) {
    if (after > 0) await vi.advanceTimersByTimeAsync(after);
    const updates = Array.from({ length: Math.max(size, 1) }, () => ({ key: bad ? "bad" : "A", set: { n: ++n } }));
    const receipt = publisher.publish(size === 0 && updates[0] ? updates[0] : updates);
    // A rejection is looked at later.
    receipt.catch(() => {});
    made.push({ updates: textsOf(updates), bad, receipt });
  }
  const closed = publisher.close().catch(() => []);
  await vi.runAllTimersAsync();
  expect(await closed).toEqual([]);
  return made;
}

export const textsOf = (updates: readonly Update[]): string[] => updates.map((update) => JSON.stringify(update));

/** What became of a call. Fails if that is not what it was told. */
export async function outcomeOf({ updates, receipt }: MadeCall, applied: readonly string[]) {
  const there = updates.filter((update) => applied.includes(update)).length;
  try {
    await receipt;
  } catch (error) {
    if (error instanceof PublishUnknownError) {
      expect([0, updates.length], "whole").toContain(there);
      return "unknown" as const;
    }
    expect(error).toBeInstanceOf(PublishRefusedError);
    expect(there, "undone").toBe(0);
    return "undone" as const;
  }
  expect(there, "done").toBe(updates.length);
  return "done" as const;
}
