import { decode, encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pack, packAll, parsePacked } from "../../src/protocol/packed.ts";

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

  test.each([
    ["nothing", []],
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
  ])("that is %s is refused", (_, bytes) => {
    expect(parsePacked(Uint8Array.from(bytes))).toMatchObject({ ok: false });
  });

  test("of one list of messages is made once", () => {
    const messages = ['{"type":"hello"}', '{"type":"update"}'];
    expect(packAll(messages)).toBe(packAll(messages));
    const frames = packAll(messages).map((frame) => typeof frame !== "string" && decode(frame));
    expect(frames).toEqual([{ type: "hello" }, { type: "update" }]);
  });

  test("[I8] a message with a member __proto__, which decoders of MessagePack refuse, goes as text", () => {
    const readable = JSON.stringify({ key: "__proto__", text: '"__proto__":' });
    const messages = [`{"entries":{"__proto__":{}}}`, `{"entries":{"A":{"a":[{"__proto__":1}]}}}`, readable];
    const frames = packAll(messages);
    expect(frames.slice(0, 2)).toEqual(messages.slice(0, 2));
    expect(typeof frames[2] !== "string" && decode(frames[2]!)).toEqual(JSON.parse(readable));
  });
});
