import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFeedName, keyProblem } from "../../src/protocol/names.ts";
import { key } from "./arbitraries.ts";

describe("a feed's name", () => {
  test.each([
    ["stocks", true],
    ["constructor", true],
    ["x".repeat(64), true],
    ["x".repeat(65), false],
    ["", false],
    ["a\n", false],
  ])("may be %j: %j", (name, isGood) => {
    expect(isFeedName(name)).toBe(isGood);
  });

  test("is 1 to 64 of a-z 0-9 . _ -, the first one a letter or digit, and nothing else", () => {
    const good = fc.constantFrom(..."abyz0189._-".split(""));
    const any = fc.constantFrom(..."abyz0189._-AZ/ *,\n\u0000\u00e9".split(""));
    fc.assert(
      fc.property(fc.array(good, { maxLength: 70 }), fc.array(any, { maxLength: 3 }), (start, end) => {
        const name = [...start, ...end].join("");
        const allowed = name.split("").every((character) => "abyz0189._-".includes(character));
        const begins = name !== "" && "abyz0189".includes(name[0]!);
        expect(isFeedName(name)).toBe(allowed && begins && name.length <= 64);
      }),
    );
  });
});

describe("a key", () => {
  test("may have all characters of the contract", () => {
    fc.assert(
      fc.property(key, (name) => {
        expect(keyProblem(name)).toBeUndefined();
      }),
    );
  });

  test("may have 128 characters, however many code units each takes", () => {
    for (const character of ["k", "é", "€", "😀"]) {
      expect(keyProblem(character.repeat(128))).toBeUndefined();
      expect(keyProblem(character.repeat(129))).toBe("is longer than 128 characters");
    }
  });

  const controls = [
    ...Array.from({ length: 32 }, (_, code) => code),
    ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
  ];
  test.each([...controls.map((code) => String.fromCharCode(code)), "*", ","])("may not contain %j", (character) => {
    for (const name of [character, `a${character}`, `${character}b`, `a${character}b`]) {
      expect(keyProblem(name)).toBe("contains a control character, `*` or `,`");
    }
  });

  test.each(["\u0020", "~", "\u00a0", "\u2028", "\ufeff", "\uffff", "/", "?", "#", "%"])(
    "may contain %j",
    (character) => {
      expect(keyProblem(`a${character}`)).toBeUndefined();
    },
  );

  test("may not be empty or contain a lone surrogate", () => {
    expect(keyProblem("")).toBe("is empty");
    for (const name of ["\ud800", "a\udc00", "\udc00\ud800"])
      expect(keyProblem(name)).toBe("is not well-formed Unicode");
  });
});
