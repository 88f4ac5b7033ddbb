import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fields } from "../../src/protocol/fields.ts";
import type { JsonObject } from "../../src/protocol/json.ts";
import { NotedMembers } from "../../src/protocol/members.ts";
import { TextPatch } from "../../src/protocol/text-patch.ts";
import { runs } from "../support/runs.ts";
import { objectText, text } from "./arbitraries.ts";

const names = fc.array(fc.oneof(fc.constantFrom("a", "b", "__proto__", "constructor", "0", "none"), text), {
  minLength: 1,
  maxLength: 4,
});

/** The same by parsing. As text again, since equality would not look at members named `__proto__`. */
function cut(object: string, fields: readonly string[]): string {
  const value: JsonObject = JSON.parse(object);
  const members = Object.entries(value).filter(([name]) => fields.includes(name));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${JSON.stringify(member)}`).join()}}`;
}

/** As this server writes it. */
function written(object: string): string {
  return JSON.stringify(JSON.parse(object));
}

/** Long texts that differ in one name. */
function textOf(name: string): string {
  return `{"a":"${"x".repeat(5_000)}","${name}":1,"c":"${"y".repeat(5_000)}"}`;
}

function patched(target: string, change: string): unknown {
  const changes = new TextPatch();
  changes.add(change);
  return JSON.parse(changes.applyTo(target));
}

describe("[FIELD2] a value that is cut to fields", () => {
  test("has just these members of its own, as they were written", () => {
    fc.assert(
      fc.property(objectText, names, (object, fields) => {
        expect(new Fields(fields).cut(written(object))).toBe(cut(object, fields));
      }),
      { numRuns: runs(1_000) },
    );
  });

  test("is the same if it is noted where its members are", () => {
    const long = fc.array(objectText, { minLength: 1, maxLength: 4 }).map((objects) =>
      // The same length for all, and the same at most places.
      objects.map((object) =>
        JSON.stringify({ filling: "x".repeat(2_048), ...JSON.parse(object), "": objects.length }),
      ),
    );
    fc.assert(
      fc.property(long, names, (texts, list) => {
        const noted = new NotedMembers();
        const fields = new Fields([...list, "filling"]);
        for (const text of [...texts, ...texts, ...texts])
          expect(noted.find(text, () => {})?.cut(fields.written) ?? fields.cut(text)).toBe(fields.cut(text));
        const [first = ""] = texts;
        if (new Set(texts).size === 1) expect(noted.find(first, () => {})?.text).toBe(first);
      }),
      { numRuns: runs(300) },
    );
  });

  test("is not taken for another that looks like it", () => {
    const noted = new NotedMembers();
    const fields = new Fields(["b"]);
    for (const name of ["b", "b", "b", "d", "d", "b", "d", "b"]) {
      const text = textOf(name);
      expect(noted.find(text, () => {})?.cut(fields.written) ?? fields.cut(text)).toBe(name === "b" ? '{"b":1}' : "{}");
    }
  });

  test("of more texts than there is room for, which come by turns, hardly any is noted again and again", () => {
    const noted = new NotedMembers();
    let notings = 0;
    const members = Object.fromEntries(Array.from({ length: 7_000 }, (_, i) => [`m${i}`, 1]));
    const texts = Array.from({ length: 4 }, (_, n) => JSON.stringify({ n, ...members }));
    for (let round = 0; round < 50; round++) for (const text of texts) noted.find(text, () => notings++);
    expect(notings).toBeLessThan(10);
  });

  test("and patched by the cut patch is the patched value, cut", () => {
    fc.assert(
      fc.property(objectText, objectText, names, (value, patch, list) => {
        const fields = new Fields(list);
        const [target, change] = [written(value), written(patch)];
        const after = patched(target, change);
        expect(patched(fields.cut(target), fields.cut(change))).toEqual(JSON.parse(fields.cut(JSON.stringify(after))));
      }),
      { numRuns: runs(1_000) },
    );
  });
});
