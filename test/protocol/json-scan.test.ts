import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isAscii, ownText, skipRest, skipString, skipValue } from "../../src/protocol/json-scan.ts";
import { jsonText, text } from "./arbitraries.ts";

const canonical = jsonText.map((source) => JSON.stringify(JSON.parse(source)));
const strings = fc.oneof(
  text,
  fc.string({ unit: fc.constantFrom('"', "\\", "a"), maxLength: 200 }),
  fc.string({ unit: fc.constantFrom("a", "b", '"'), minLength: 30, maxLength: 100 }),
);

describe("in JSON text", () => {
  test("a string ends where JSON says, whatever is escaped in it", () => {
    fc.assert(
      fc.property(strings, strings, (one, after) => {
        const written = JSON.stringify(one);
        expect(skipString(`[${written},${JSON.stringify(after)}]`, 1)).toBe(1 + written.length);
      }),
    );
  });

  test("a value ends where JSON says, and so does what is around it", () => {
    fc.assert(
      fc.property(canonical, canonical, (value, after) => {
        expect(skipValue(`[${value},${after}]`, 1)).toBe(1 + value.length);
        expect(skipValue(`[${after},${value}]`, 2 + after.length)).toBe(2 + after.length + value.length);
        const whole = `{"a":{"b":${value},"c":${after}}}`;
        expect(skipValue(whole, 5)).toBe(whole.length - 1);
        expect(skipRest(whole, whole.indexOf('"c"', 10 + value.length))).toBe(whole.length - 1);
      }),
    );
  });

  test("a string, array or object that is cut off ends with the text", () => {
    for (const cut of ['"', '"a\\', "[", '{"a":[', '{"a', "12"]) expect(skipValue(cut, 0)).toBe(cut.length);
  });
});

describe("the copy of a part of a string", () => {
  test("has the same characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.boolean(), (value, flag) => {
        expect(ownText(value, flag && isAscii(value))).toBe(value);
        // oxlint-disable-next-line no-control-regex
        expect(isAscii(value)).toBe(!/[^\u0000-\u007f]/.test(value));
      }),
    );
  });
});
