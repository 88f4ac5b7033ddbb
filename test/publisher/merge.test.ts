import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCall, updatesOf, type CallContent } from "../../src/publisher/call.ts";
import { mergeCalls } from "../../src/publisher/merge.ts";
import type { Update } from "../../src/publisher/index.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { runs } from "../client/support/runs.ts";
import { applyMergePatch } from "../../src/protocol/merge-patch.ts";

interface Entry {
  readonly value: JsonObject | undefined;
  readonly version: number;
}

/** What a feed makes of updates, one after the other. */
function apply(feed: ReadonlyMap<string, Entry>, updates: readonly Update[]): Map<string, Entry> {
  const after = new Map(feed);
  for (const { key, set, patch, version } of updates) {
    const before = after.get(key);
    if (version !== undefined && version <= (before?.version ?? -Infinity)) continue;
    const value = patch ? applyMergePatch(before?.value, patch) : set;
    after.set(key, { value, version: version ?? before?.version ?? -Infinity });
  }
  return after;
}

const names = fc.constantFrom("a", "b", "__proto__");
const value = fc.letrec<{ json: JsonObject; member: JsonObject | number | null }>((tie) => ({
  json: fc
    .array(fc.tuple(names, tie("member")), { maxLength: 3 })
    .map((members) => JSON.parse(`{${members.map(([name, of]) => `"${name}":${JSON.stringify(of)}`).join(",")}}`)),
  member: fc.oneof({ maxDepth: 2 }, fc.constant(null), fc.nat(3), tie("json")),
})).json;
const stamps = { key: fc.constantFrom("K", "L"), version: fc.option(fc.nat(4), { nil: undefined, freq: 2 }) };
const update: fc.Arbitrary<Update> = fc.oneof(
  fc.record({ ...stamps, set: value }),
  fc.record({ ...stamps, patch: value }),
  fc.record({ ...stamps, delete: fc.constant(true as const) }),
);
const call = fc.oneof(update, fc.array(update, { minLength: 1, maxLength: 3 }));

test("merged calls make of any feed what the calls make of it one by one, with one update a key", () => {
  let merges = 0;
  fc.assert(
    fc.property(fc.array(call, { minLength: 1, maxLength: 3 }), call, fc.array(update), (earlier, last, before) => {
      const feed = apply(new Map(), before);
      const merged = mergeCalls(earlier.map(encodeCall), encodeCall(last));
      if (!merged) return;
      merges++;
      const updates = updatesOf([merged]);
      expect(apply(feed, updates)).toEqual(apply(feed, [...earlier, last].flat()));
      expect(new Set(updates.map(({ key }) => key)).size).toBe(updates.length);
      expect(updates.map(({ key }) => key)).toEqual([...merged.keys]);
    }),
    { numRuns: runs(500) },
  );
  expect(merges).toBeGreaterThan(0);
});

test("calls that would be more than a batch are not merged", () => {
  expect(mergeCalls([many(0)], many(599))).toBeUndefined();
  expect(mergeCalls([many(0)], many(200))?.count).toBe(800);
});

function many(from: number): CallContent {
  return encodeCall(Array.from({ length: 600 }, (_, n) => ({ key: `K${from + n}`, set: { n } })));
}
