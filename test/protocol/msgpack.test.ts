import { decode, encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Parsed } from "../../src/protocol/json.ts";
import { pack, packMessage, parseMsgpackInSteps } from "../../src/protocol/msgpack-frames.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";

const parsePacked = (bytes: Uint8Array): Parsed => finishSteps(parseMsgpackInSteps(bytes));

const isSaid = (value: unknown): boolean => typeof value === "string" || Number.isFinite(value);

describe("MessagePack", () => {
  test("says what JSON says", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const expected: unknown = JSON.parse(text);
        // The library refuses to read such a member, and so do we.
        if (text.includes('"__proto__":')) return;
        expect(decode(pack(text))).toEqual(expected);
        expect(parsePacked(encode(expected))).toEqual({ ok: true, value: expected });
      }),
    );
  });

  test("says it with any characters and any numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.maxSafeInteger())), (values) => {
        const expected = values.filter(isSaid);
        expect(parsePacked(encode(expected))).toEqual({ ok: true, value: JSON.parse(JSON.stringify(expected)) });
      }),
    );
  });

  test.each([
    [
      "every whole number",
      [
        [0xcc, 200],
        [0xcd, 1, 0],
        [0xce, 255, 0, 0, 0],
        [0xcf, 0, 0, 0, 1, 0, 0, 0, 0],
      ],
      [200, 256, 255 * 2 ** 24, 2 ** 32],
    ],
    [
      "every one below zero",
      [[0xe0], [0xd0, 128], [0xd1, 128, 0], [0xd2, 128, 0, 0, 0], [0xd3, 255, 255, 255, 254, 0, 0, 0, 0]],
      [-32, -128, -32_768, -(2 ** 31), -(2 ** 33)],
    ],
    [
      "fractions",
      [
        [0xca, 0x3f, 0, 0, 0],
        [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0],
      ],
      [0.5, 0.5],
    ],
    [
      "what is too large for a double",
      [
        [0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
        [0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0],
      ],
      [Infinity, -Infinity],
    ],
    [
      "every length of a string",
      [
        [0xd9, 1, 97],
        [0xda, 0, 1, 98],
        [0xdb, 0, 0, 0, 1, 99],
      ],
      ["a", "b", "c"],
    ],
    [
      "every length of a list",
      [
        [0xdc, 0, 1, 1],
        [0xdd, 0, 0, 0, 1, 2],
        [0xde, 0, 1, 0xa1, 97, 3],
        [0xdf, 0, 0, 0, 1, 0xa1, 97, 4],
      ],
      [[1], [2], { a: 3 }, { a: 4 }],
    ],
  ])("is read with %s", (_, items, value) => {
    expect(parsePacked(Uint8Array.from([0x90 + items.length, ...items.flat()]))).toEqual({ ok: true, value });
  });

  test.each([
    ["nothing", []],
    ["text that is no UTF-8", [0xa1, 0xff]],
    ["half of a pair", [0xa3, 0xed, 0xa0, 0x80]],
    ["a pair of halves, each written for itself", [0xa6, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
    ["a character that is written too long", [0xa2, 0xc0, 0xaf]],
    ["a character beyond all there are", [0xa4, 0xf4, 0x90, 0x80, 0x80]],
    ["a character that ends behind its string", [0x92, 0xa1, 0xc3, 0xa9]],
    ["a name that is no string", [0x81, 0xcc, 200, 1]],
    ["half a value", [0x92, 1]],
    ["a value and more", [1, 2]],
    ["bytes", [0xc4, 1, 7]],
    ["no bytes", [0xc4, 0]],
    ["no bytes deep inside", [0x81, 0xa1, 0x61, 0x91, 0xc4, 0]],
    ["a time", Array.from(encode(new Date(0)))],
    ["an extension", [0xd4, 5, 0]],
    ["what is never used", [0xc1]],
    ["a map whose key is a map", [0x81, 0x80, 1]],
    ["a map whose key is a number", [0x81, 1, 1]],
    ["a map whose key is __proto__", [0x81, 0xa9, ...new TextEncoder().encode("__proto__"), 0x80]],
    ["an array that says it is endless", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["a hundred levels", [...Array.from({ length: 100 }, () => 0x91), 1]],
    ["a million levels", Array.from({ length: 1_000_000 }, () => 0x91)],
  ])("[PACK1] that is %s is refused", (_, bytes) => {
    expect(parsePacked(Uint8Array.from(bytes))).toMatchObject({ ok: false });
  });

  test("[PACK3] [I8] a message with a member __proto__, which decoders of MessagePack refuse, stays text", () => {
    const readable = JSON.stringify({ key: "__proto__", text: '"__proto__":' });
    const messages = [`{"entries":{"__proto__":{}}}`, `{"entries":{"A":{"a":[{"__proto__":1}]}}}`, readable];
    const frames = messages.map(packMessage);
    expect(frames.slice(0, 2)).toEqual(messages.slice(0, 2));
    expect(typeof frames[2] !== "string" && decode(frames[2]!)).toEqual(JSON.parse(readable));
  });
});
