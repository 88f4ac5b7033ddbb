import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFeedName, keyProblem } from "../../src/protocol/names.ts";
import { key } from "./arbitraries.ts";

describe("a feed's name", () => {
  test.each(["a", "0", "stocks", "a.b-c_d", "9.-_", "constructor", "x".repeat(64)])("may be %s", (name) => {
    expect(isFeedName(name)).toBe(true);
  });

  test.each([
    "",
    ".",
    ".a",
    "-a",
    "_a",
    "A",
    "aB",
    "a b",
    "a/b",
    "a\n",
    "\na",
    "a*",
    "a,b",
    "é",
    "a\u0000",
    "x".repeat(65),
  ])("may not be %j", (name) => {
    expect(isFeedName(name)).toBe(false);
  });

  test("is 1 to 64 of a-z 0-9 . _ -, the first one a letter or digit, and nothing else", () => {
    const alphabet = "abyz0189._-AZ/ \u00e9".split("");
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 70 }), (characters) => {
        const allowed = characters.every((character) => "abyz0189._-".includes(character));
        const begins = characters[0] !== undefined && "abyz0189".includes(characters[0]);
        expect(isFeedName(characters.join(""))).toBe(allowed && begins && characters.length <= 64);
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
