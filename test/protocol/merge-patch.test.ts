import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyMergePatch } from "../../src/protocol/merge-patch.ts";
import { OF_OBJECTS } from "../support/merge-patch-examples.ts";
import type { JsonObject } from "../../src/protocol/json.ts";

describe("merge patches (RFC 7396)", () => {
  test.each(OF_OBJECTS)("%s patched with %s is %s", (target, patch, result) => {
    expect(applyMergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result));
  });

  test("a member with the name of a prototype is a plain member", () => {
    const patch = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    );
    const result = applyMergePatch(JSON.parse('{"__proto__":{"kept":1}}'), patch);
    expect(JSON.stringify(result)).toBe(
      '{"__proto__":{"kept":1,"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    );
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("neither argument is changed", () => {
    fc.assert(
      fc.property(objects, objects, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        applyMergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });
});

/** Few names, so that patches often have the same members. */
const names = fc.constantFrom("a", "b", "__proto__", "constructor");
const objects: fc.Arbitrary<JsonObject> = fc.letrec<{ object: JsonObject; value: JsonObject[string] }>((tie) => ({
  object: fc.array(fc.tuple(names, tie("value")), { maxLength: 3 }).map(fromMembers),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, 1, "x", [1, null]),
    tie("object"),
  ),
})).object;

function fromMembers(members: [string, unknown][]): JsonObject {
  // `__proto__` is an own member, as after parsing.
  return JSON.parse(
    `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`,
  );
}
