import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MergedUpdate } from "../../../src/feed/fanout/live/merged-update.ts";
import { AcceptedUpdate } from "../../../src/feed/state/accepted-update.ts";
import type { JsonObject } from "../../../src/protocol/json.ts";
import { applyMergePatch, composeInto } from "../../../src/protocol/merge-patch.ts";
import { objectText } from "../../protocol/arbitraries.ts";
import { runs } from "../../support/runs.ts";

function parse(text: string): JsonObject {
  return JSON.parse(text);
}

/** Few names, so that patches often have members in common. */
const meeting = fc.constantFrom(
  '{"a":1}',
  '{"a":null}',
  '{"a":{"b":1}}',
  '{"a":{"b":null},"b":1}',
  '{"a":{"b":{"c":1}}}',
  '{"b":{"__proto__":1}}',
  '{"__proto__":{"a":null}}',
);
const patch = fc.oneof(meeting, meeting, objectText);

describe("[MERGE4] composed merge patches", () => {
  test("do what the two patches do one after the other, on any value, and the second patch stays as it is", () => {
    let composable = 0;
    fc.assert(
      fc.property(patch, patch, patch, (target, first, second) => {
        const composed = parse(first);
        const added = parse(second);
        const isComposed = composeInto(composed, added);
        expect(JSON.stringify(added)).toBe(JSON.stringify(parse(second)));
        if (!isComposed) return;
        composable++;
        const expected = applyMergePatch(applyMergePatch(parse(target), parse(first)), parse(second));
        expect(applyMergePatch(parse(target), composed)).toEqual(expected);
      }),
      { numRuns: runs(500) },
    );
    expect(composable).toBeGreaterThan(100);
  });

  test("leave the published updates as they are: other groups wait for them too", () => {
    const first = new AcceptedUpdate('{"key":"A","patch":{"a":1}}', 1);
    const merged = new MergedUpdate(first);
    merged.add(new AcceptedUpdate('{"key":"A","patch":{"b":2}}', 2));
    expect(merged.text).toBe('{"key":"A","patch":{"a":1,"b":2}}');
    expect(first.update).toEqual({ key: "A", patch: { a: 1 } });
  });

  test("are composed in place, and published patches stay as they are", () => {
    const first = { a: { b: 1 }, c: 1 };
    const second = { a: { d: { e: 1 } } };
    const target = structuredClone(first);
    expect(composeInto(target, second)).toBe(true);
    expect(composeInto(target, { a: { d: { f: 2 } } })).toBe(true);
    expect(target).toEqual({ a: { b: 1, d: { e: 1, f: 2 } }, c: 1 });
    expect(second).toEqual({ a: { d: { e: 1 } } });
    expect(composeInto({ a: null }, { a: { b: 1 } }), "what no patch can say").toBe(false);
  });
});

describe("[MERGE4] updates of one key that wait together", () => {
  const patch = '{"key":"A","patch":{"m":2},"time":2}';
  test.each([
    ["a set and a patch", '{"key":"A","set":{"n":1},"time":1,"version":7}', '{"key":"A","set":{"n":1,"m":2},"time":2}'],
    ["a delete and a patch", '{"key":"A","delete":true}', '{"key":"A","set":{"m":2},"time":2}'],
    ["two patches", '{"key":"A","patch":{"n":1},"ttl":7}', '{"key":"A","patch":{"n":1,"m":2},"time":2}'],
    ["a patch and a set", patch, undefined],
  ])("are one, with the stamps of the last: %s", (_, first, expected) => {
    const merged = new MergedUpdate(new AcceptedUpdate(first, 1));
    const second = expected === undefined ? '{"key":"A","set":{},"ttl":9}' : patch;
    merged.add(new AcceptedUpdate(second, 2));
    expect(JSON.parse(merged.text ?? "")).toEqual(JSON.parse(expected ?? second));
  });

  test("are the same to all who wait for them: what one composes changes no published update", () => {
    const first = new AcceptedUpdate('{"key":"A","patch":{"n":{"a":1}}}', 1);
    const [one, other] = [new MergedUpdate(first), new MergedUpdate(first)];
    one.add(new AcceptedUpdate('{"key":"A","patch":{"n":{"b":2},"m":2}}', 2));
    other.add(new AcceptedUpdate('{"key":"A","patch":{"k":3}}', 3));
    expect(JSON.parse(one.text ?? "")).toMatchObject({ patch: { n: { a: 1, b: 2 }, m: 2 } });
    expect(JSON.parse(other.text ?? "")).toEqual({ key: "A", patch: { n: { a: 1 }, k: 3 } });
  });

  test("are the key's present value if a patch comes upon a long set", () => {
    const merged = new MergedUpdate(new AcceptedUpdate(`{"key":"A","set":{"text":"${"x".repeat(10_000)}"}}`, 1));
    for (const seq of [2, 3]) {
      merged.add(new AcceptedUpdate(patch, seq));
      expect(merged.text).toBeUndefined();
    }
  });
});
