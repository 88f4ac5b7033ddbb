import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/protocol/limits.ts";
import { EVERYTHING, parseSelection, restoreSelection, selects, type Selection } from "../../src/protocol/selection.ts";
import { isWanted } from "../support/view.ts";
import { key } from "./arbitraries.ts";

/** Few letters, so that patterns often cover each other. */
const shortKey = fc.string({ unit: fc.constantFrom("a", "b", "\u00e9", "😀"), minLength: 1, maxLength: 4 });
const pattern = fc.oneof(
  shortKey,
  shortKey.map((name) => `${name}*`),
  fc.constant("*"),
);
const patterns = fc.oneof(
  fc.array(pattern, { maxLength: 6 }),
  fc.array(
    fc.oneof(
      key,
      key.map((name) => `${name}*`),
    ),
    { maxLength: 6 },
  ),
);

function parse(list: readonly string[], fields: readonly string[] = []): Selection {
  const parsed = parseSelection(list, fields);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.selection;
}

const names = fc.array(fc.constantFrom("last", "bid", "a*", " ", '"', "\\", "__proto__", "\u00e9", "😀"), {
  maxLength: 5,
});

const UNIVERSE = ["a", "b", "aa", "ab", "ba", "bb", "aab", "abb", "bab", "zz"];

function meaningOf(list: string[]): boolean[] {
  return UNIVERSE.map((name) => isWanted(list, name));
}

/** Keys that take 128 bytes each, with their comma. */
function longKeys(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`.padStart(127, "k"));
}

describe("a selection", () => {
  test("selects exactly the keys and prefixes that it names, or everything if it names none", () => {
    fc.assert(
      fc.property(patterns, fc.array(fc.oneof(shortKey, key), { maxLength: 10 }), (list, keys) => {
        const selection = parse(list);
        const named = list.map((entry) => entry.replace(/\*$/, "")).filter((name) => name !== "");
        for (const name of [...keys, ...named, ...named.map((prefix) => `${prefix}x`)]) {
          expect(selects(selection, name), `${JSON.stringify(list)} on ${name}`).toBe(isWanted(list, name));
        }
      }),
    );
  });

  test("has the same id in any order, with repetitions, and with keys that a prefix covers", () => {
    fc.assert(
      fc.property(
        fc.array(pattern, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat()),
        shortKey,
        (list, random, suffix) => {
          const { value: at } = random.next();
          const turned = [...list.slice(at % list.length), ...list.slice(0, at % list.length)].toReversed();
          const covered = list.filter((entry) => entry.endsWith("*")).map((entry) => entry.slice(0, -1) + suffix);
          const { id } = parse(list);
          expect(parse(turned).id).toBe(id);
          expect(parse([...turned, ...list]).id).toBe(id);
          expect(parse([...covered, ...list, ...covered.map((name) => `${name}*`)]).id).toBe(id);
        },
      ),
    );
  });

  test("with another meaning has another id", () => {
    const small = fc.array(fc.constantFrom("a", "b", "aa", "ab", "a*", "b*", "ab*", "*"), { maxLength: 4 });
    fc.assert(
      fc.property(small, small, (one, two) => {
        const same = JSON.stringify(meaningOf(one)) === JSON.stringify(meaningOf(two));
        expect(parse(one).id === parse(two).id).toBe(same);
      }),
    );
  });

  test("is read back from its patterns and fields", () => {
    fc.assert(
      fc.property(patterns, names, (list, fields) => {
        const selection = parse(list, fields);
        expect(restoreSelection(selection.patterns, selection.fields?.id)).toEqual(selection);
      }),
    );
  });

  test("[FIELD1] has the same id with its fields in any order and with repetitions, and another with others", () => {
    fc.assert(
      fc.property(patterns, names, names, fc.infiniteStream(fc.nat()), (list, one, other, random) => {
        const again = [...one, ...one].toSorted(() => (random.next().value % 2) - 0.5);
        expect(parse(list, again).id).toBe(parse(list, one).id);
        const same = [...new Set(one)].toSorted().join() === [...new Set(other)].toSorted().join();
        expect(parse(list, one).id === parse(list, other).id).toBe(same);
      }),
    );
  });

  test.each([[[]], [["*"]], [["a", "*"]], [["*", "a*", "b"]]])("%j is everything", (list) => {
    expect(parse(list)).toEqual(EVERYTHING);
  });
});

describe("a selection is refused", () => {
  test.each([
    [[""], "keys[0] is empty"],
    [["a", "b*", "**"], "keys[2] contains a control character, `*` or `,`"],
    [["a*b"], "keys[0] contains a control character, `*` or `,`"],
    [["a,b"], "keys[0] contains a control character, `*` or `,`"],
    [["ok", "a\n*"], "keys[1] contains a control character, `*` or `,`"],
    [["\ud800*"], "keys[0] is not well-formed Unicode"],
    [["k".repeat(129)], "keys[0] is longer than 128 characters"],
    [[`${"k".repeat(129)}*`], "keys[0] is longer than 128 characters"],
  ])("%j", (list, reason) => {
    expect(parseSelection(list)).toEqual({ ok: false, reason });
  });

  test.each([
    [[""], "fields[0] is empty"],
    [["last", "a,b"], "fields[1] contains a control character or `,`"],
    [["a\u0080"], "fields[0] contains a control character or `,`"],
    [["\ud800"], "fields[0] is not well-formed Unicode"],
    [["f".repeat(129)], "fields[0] is longer than 128 characters"],
    [Array.from({ length: 65 }, () => "f"), "fields has more than 64 entries"],
  ])("[FIELD1] with the fields %j", (fields, reason) => {
    expect(parseSelection([], fields)).toEqual({ ok: false, reason });
  });

  test("[FIELD1] with keys and fields that together are longer than the limit; the most fields find room", () => {
    const fields = Array.from({ length: 64 }, (_, i) => `${i}`.padStart(128, "f"));
    expect(parseSelection(longKeys(31), fields).ok).toBe(true);
    const reason = "keys and fields are together longer than 12288 bytes";
    expect(parseSelection(longKeys(32), fields)).toEqual({ ok: false, reason });
    expect(parseSelection([], ["😀".repeat(128)]).ok, "a name's length counts code points").toBe(true);
  });

  test("with more entries than the limit, or more bytes", () => {
    const names = Array.from({ length: LIMITS.selectionKeys }, (_, i) => `${i}`);
    expect(parseSelection(names).ok).toBe(true);
    expect(parseSelection([...names, "one-more"]).ok).toBe(false);
    expect(parseSelection(longKeys(LIMITS.selectionBytes / 128)).ok).toBe(true);
    expect(parseSelection(longKeys(LIMITS.selectionBytes / 128 + 1)).ok).toBe(false);
  });
});
