import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TextPatch } from "../../src/protocol/text-patch.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { applyMergePatch } from "../../src/protocol/merge-patch.ts";
import { runs } from "../support/runs.ts";
import { objectText, sorted } from "./arbitraries.ts";

/** Few names, so that patches often have the same members. Some are hard to find in a text. */
const names = fc.constantFrom("a", "b", "c", "__proto__", '"', "\\", 'x"y\\', "", "0", "\u20ac");
const leaves = fc.constantFrom(
  "null",
  "1",
  "-0.5",
  "true",
  '""',
  '"a\\"b\\\\"',
  `"${"long ".repeat(20)}"`,
  '[{"a":null}]',
  "{}",
);
const { object: meeting } = fc.letrec<{ object: string; value: string }>((tie) => ({
  object: fc
    .uniqueArray(fc.tuple(names, tie("value")), { selector: ([name]) => name, maxLength: 4 })
    .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  value: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaves, tie("object")),
}));
/** JSON as the server writes it. */
const canonical = fc.oneof(meeting, meeting, objectText).map((text) => JSON.stringify(parse(text)));

function parse(text: string): JsonObject {
  return JSON.parse(text);
}

function changesOf(patches: readonly string[]): TextPatch {
  const changes = new TextPatch();
  for (const patch of patches) changes.add(patch);
  return changes;
}

function model(text: string | undefined, patches: readonly string[]): string {
  let value: JsonObject | undefined = text === undefined ? undefined : parse(text);
  for (const patch of patches) value = applyMergePatch(value, parse(patch));
  return JSON.stringify(value ?? {});
}

const patches = fc.array(canonical, { minLength: 1, maxLength: 4 });

describe("merge patches gathered into one", () => {
  test("make what the patches make one after the other, in as many characters", () => {
    fc.assert(
      fc.property(fc.option(canonical, { nil: undefined }), patches, (text, patches) => {
        const written = changesOf(patches).applyTo(text);
        const expected = model(text, patches);
        expect(sorted(parse(written))).toBe(sorted(parse(expected)));
        expect(written).toHaveLength(expected.length);
      }),
      { numRuns: runs(500) },
    );
  });

  test("can be gathered and applied in parts", () => {
    fc.assert(
      fc.property(canonical, patches, patches, (text, first, second) => {
        const between = changesOf(first).applyTo(text);
        const atOnce = changesOf([...first, ...second]).applyTo(text);
        expect(sorted(parse(changesOf(second).applyTo(between)))).toBe(sorted(parse(atOnce)));
      }),
    );
  });

  test("return the same text if they change nothing", () => {
    const text = '{"a":{"b":1}}';
    expect(changesOf(["{}", '{"a":{}}', '{"z":null}']).applyTo(text)).toBe(text);
  });
});
