import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseJson, type Parsed } from "../../src/protocol/json.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { finishSteps, parseJsonInSteps, parseOutline, STEP_WORK } from "../../src/protocol/long-json.ts";

const parse = (text: string): Parsed => finishSteps(parseJsonInSteps(text));
/** Padding that makes a text long enough to be read in steps. */
const FILLER = "x".repeat(LIMITS.valueBytes);
const spaces = fc.constantFrom("", "", " ", "\n\t ");
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value));
/** A list, with or without spaces, one item of which is long. */
const list = fc
  .tuple(fc.array(json, { maxLength: 4 }), fc.array(json, { maxLength: 4 }), spaces)
  .map(([before, after, space]) => `[${[...before, `"${FILLER}"`, ...after].join(`${space},${space}`)}${space}]`);
const name = fc.constantFrom("updates", "keys", "id", "__proto__", 'a\\"[{');
const object = fc
  .tuple(fc.array(fc.tuple(name, fc.oneof(json, list)), { maxLength: 4 }), list, spaces)
  .map(([members, updates, space]) =>
    [...members, ["updates", updates]].map(([name, value]) => `${space}"${name}"${space}:${value}`).join(),
  )
  .map((members) => `{${members}}`);
const text = fc.oneof(
  list,
  object,
  fc.constant(`"${FILLER}"`),
  fc.constant(`[[${FILLER.length}]${" ".repeat(LIMITS.valueBytes)}]`),
);

describe("long JSON in steps", () => {
  test("is read as JSON.parse reads it", () => {
    fc.assert(
      fc.property(text, (text) => {
        expect(parse(text)).toEqual(parseJson(text));
      }),
    );
  });

  test("is read or refused as by JSON.parse, whatever is wrong with it", () => {
    const mistakes = fc.array(fc.tuple(fc.nat(), fc.constantFrom("", ",", "[", "]", "{", "}", '"', "\\", "1", ":")), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(text, mistakes, fc.boolean(), (good, mistakes, isInside) => {
        let bad = good;
        for (const [where, what] of mistakes) {
          // Not in the padding.
          const places = bad.length - FILLER.length;
          let at = where % Math.max(1, places);
          if (at > bad.indexOf(FILLER) && bad.includes(FILLER)) at += FILLER.length;
          bad = bad.slice(0, at) + what + bad.slice(isInside ? at + 1 : at);
        }
        expect(parse(bad)).toEqual(parseJson(bad));
      }),
    );
  });

  test("is read without its lists where only the rest is needed", () => {
    const long = `{"id":7,"updates":[${"[[[,".repeat(100_000)}],"type":"publish"}`;
    expect(parseOutline(long)).toMatchObject({ ok: false });
    const good = `{"id":7,"updates":["${FILLER}",nonsense],"type":"publish"}`;
    expect(parseOutline(good)).toMatchObject({ ok: true, value: { id: 7, type: "publish" } });
  });
});

/** A list of updates of so many characters, in which no name repeats. */
function manyNames(length: number): string {
  const updates: string[] = [];
  for (let i = 0, written = 0; written < length;) {
    const members = Array.from({ length: 80 }, () => `"${(i++).toString(36)}":1`);
    const update = `{"key":"${i}","set":{${members.join()}}}`;
    written += update.length + 1;
    updates.push(update);
  }
  return `[${updates.join()}]`;
}

describe("[I7] long JSON", () => {
  test("is read in steps that are no longer than an update and a little more", () => {
    const steps = parseJsonInSteps(manyNames(300_000));
    const sizes: number[] = [];
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) sizes.push(step.value);
    expect(step.value.ok).toBe(true);
    expect(sizes.length).toBeGreaterThan(20);
    expect(Math.max(...sizes)).toBeLessThan(STEP_WORK + 12_000);
  });

  test.each([
    ["one update", `[{"key":"A","set":${manyNames(300_000).replaceAll('"key":', '"k":')}}]`],
    ["what is no update", `{"type":"publish","more":{"a":${manyNames(300_000)}},"updates":[]}`],
  ])("is refused unread where %s has more in it than a value may have", (_, text) => {
    expect(parse(text)).toMatchObject({ ok: false, oversized: true });
  });

  test("is read if its values are just within the limit, also with white space", () => {
    const value = Object.fromEntries(Array.from({ length: 7_000 }, (_, i) => [i.toString(36).padStart(3, "_"), 1]));
    const updates = Array.from({ length: 10 }, (_, i) => ({ key: `k${i}`, set: value }));
    expect(JSON.stringify(value).length).toBeLessThan(LIMITS.valueBytes);
    const parsed = parse(JSON.stringify(updates, undefined, 1));
    // As text: `toEqual` takes long with so many names.
    expect(parsed.ok && JSON.stringify(parsed.value)).toBe(JSON.stringify(updates));
  });
});
