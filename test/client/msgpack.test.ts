import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { msgpack } from "../../src/client/msgpack.ts";
import { pack } from "../../src/protocol/msgpack-frames.ts";
import { runs } from "./support/runs.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe("a frame", () => {
  test("says the same as the JSON that it was made from", () => {
    const name = fc.oneof(
      fc.constantFrom("__proto__", "constructor", "\u{feff}", "7"),
      fc.string({ unit: "grapheme" }),
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: "small" },
        fc.jsonValue({ maxDepth: 2, stringUnit: "grapheme" }),
        fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 }),
        fc.array(tie("value"), { maxLength: 20 }),
        fc.array(fc.tuple(name, tie("value")), { maxLength: 20 }).map((members) => Object.fromEntries(members)),
      ),
    }));
    fc.assert(
      fc.property(value, (value) => {
        // Written again, as this also compares the order of members, and those named `__proto__`.
        const text = JSON.stringify(JSON.parse(JSON.stringify(value)));
        expect(JSON.stringify(msgpack.decode(pack(text)))).toBe(text);
      }),
      { numRuns: runs(200) },
    );
  });

  test("has values of every size", () => {
    const lengths = [0, 15, 16, 24, 25, 31, 32, 255, 256, 65_535, 65_536];
    const sizes = [0, 15, 16, 256, 65_536];
    const naturals = [0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300];
    const negatives = [-1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1, -1e300];
    const values = [
      naturals,
      negatives,
      [0.1, -1.5, 5e-324, 191.25, null, true, false],
      ["\u{feff}a mark", "a\u{0}b", "\u{1f600}"],
      ...lengths.flatMap((length) => ["x".repeat(length), "é".repeat(length), `${"x".repeat(length)}é`]),
      ...sizes.map((length) => Array.from({ length }, (_, i) => i)),
      ...sizes.map((length) => Object.fromEntries(Array.from({ length }, (_, i) => [`k${i}`, i]))),
    ];
    for (const value of values) {
      const text = JSON.stringify({ value });
      expect(JSON.stringify(msgpack.decode(pack(text)))).toBe(text);
    }
  });

  test("may come from an encoder that writes numbers in another way", () => {
    expect(msgpack.decode(encode(1.5, { forceFloat32: true }))).toBe(1.5);
    expect(msgpack.decode(bytes(0xd3, 0, 0, 0, 0, 0, 0, 0, 7))).toBe(7);
    expect(msgpack.decode(bytes(0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 1, 0x61, 0xdd, 0, 0, 0, 0))).toEqual({ a: [] });
  });

  test("may be a part of a larger buffer", () => {
    const frame = pack('{"a":"long enough to be left to the runtime","b":1.5}');
    const buffer = new Uint8Array(frame.length + 20).fill(0xc1);
    buffer.set(frame, 7);
    expect(msgpack.decode(buffer.subarray(7, 7 + frame.length))).toEqual(msgpack.decode(frame));
  });

  test("with a member called __proto__ has it as data", () => {
    const text = '{"__proto__":{"polluted":true},"a":{"__proto__":null}}';
    const decoded = msgpack.decode(pack(text));
    expect(JSON.stringify(decoded)).toBe(text);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect("polluted" in Object(decoded)).toBe(false);
  });
});

describe("refused is", () => {
  test.each([
    ["nothing", bytes()],
    ["a value and more", bytes(1, 2)],
    ["bytes", bytes(0xc4, 1, 7)],
    ["no bytes", bytes(0xc4, 0)],
    ["a time", encode(new Date(0))],
    ["an extension", bytes(0xd4, 5, 0)],
    ["what is never used", bytes(0xc1)],
    ["a map whose key is a number", bytes(0x81, 1, 1)],
    ["a map whose key is a map", bytes(0x81, 0x80, 1)],
    ["half a character", bytes(0xa1, 0xc3)],
    ["a character written too long", bytes(0xa2, 0xc0, 0x80)],
    ["half of a pair", bytes(0xa3, 0xed, 0xa0, 0x80)],
    ["a string that says it is endless", bytes(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61)],
    ["an array that says it is endless", bytes(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ["a map that says it is endless", bytes(0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61)],
    ["a million levels", new Uint8Array(1_000_000).fill(0x91)],
  ])("%s", (_, frame) => {
    expect(() => msgpack.decode(frame)).toThrow(Error);
  });

  test("a message that was cut short anywhere, or has something after it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(), fc.uint8Array({ minLength: 1 }), (value, at, more) => {
        const frame = pack(JSON.stringify(value));
        expect(() => msgpack.decode(frame.subarray(0, at % frame.length))).toThrow(Error);
        expect(() => msgpack.decode(bytes(...frame, ...more))).toThrow(Error);
      }),
      { numRuns: runs(100) },
    );
  });

  test("any other bytes that JSON could not say", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (frame) => {
        try {
          expect(JSON.stringify(msgpack.decode(frame))).toBeTypeOf("string");
        } catch (error) {
          if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
        }
      }),
      { numRuns: runs(500) },
    );
  });
});
