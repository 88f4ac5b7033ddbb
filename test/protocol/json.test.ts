import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  exceedsBytes,
  jsonProblem,
  parseJson,
  setMember,
  utf8Length,
  type Json,
  type JsonObject,
} from "../../src/protocol/json.ts";
import { LIMITS } from "../../src/protocol/limits.ts";
import { jsonText, objectText, text } from "./arbitraries.ts";

const encoder = new TextEncoder();

function parse(source: string): Json {
  return JSON.parse(source);
}

describe("the length in bytes", () => {
  test("is that of TextEncoder", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (value) => {
        expect(utf8Length(value)).toBe(encoder.encode(value).length);
      }),
    );
  });

  test.each(["", "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}"])(
    "is right for a character that takes one byte more: %j",
    (value) => {
      expect(utf8Length(value)).toBe(encoder.encode(value).length);
    },
  );

  test("exceeds a limit from the first byte above it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: -3, max: 3 }), (value, offset) => {
        const bytes = encoder.encode(value).length;
        expect(exceedsBytes(value, bytes + offset)).toBe(offset < 0);
      }),
    );
  });
});

describe("setMember", () => {
  test("sets the member, whatever its name", () => {
    fc.assert(
      fc.property(text, jsonText, (name, source) => {
        const object: JsonObject = {};
        setMember(object, name, parse(source));
        setMember(object, name, parse(source));
        expect(JSON.stringify(object)).toBe(JSON.stringify(JSON.parse(`{${JSON.stringify(name)}:${source}}`)));
        expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      }),
    );
  });

  test("sets a member that can be changed and removed", () => {
    const object: JsonObject = {};
    setMember(object, "__proto__", 1);
    setMember(object, "__proto__", 2);
    expect(Object.entries(object)).toEqual([["__proto__", 2]]);
    delete object["__proto__"];
    expect(Object.keys(object)).toEqual([]);
  });
});

describe("parseJson", () => {
  test("reads what JSON.parse reads, and never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          jsonText,
          jsonText.map((source) => source.slice(1)),
        ),
        (source) => {
          const parsed = parseJson(source);
          let expected: unknown;
          try {
            expected = { ok: true, value: JSON.parse(source) };
          } catch {
            expected = { ok: false, reason: expect.stringMatching(/\S/) };
          }
          expect(parsed).toEqual(expected);
        },
      ),
    );
  });

  test("does not show the content in its reason", () => {
    expect(parseJson("secret-token")).toEqual({ ok: false, reason: "the text is not valid JSON" });
  });
});

describe("[PUB2] the problem of a value", () => {
  test.each([
    ['{"a":1e999}', "set.a", "is a number too large for a double"],
    ['{"a":[0,[1,-1e999]]}', "set.a[1][1]", "is a number too large for a double"],
    ['{"a":{"b":["\\ud800"]}}', "set.a.b[0]", "is not well-formed Unicode"],
    ['{"a":{"\\udfff":1}}', "set.a", "has a member whose name is not well-formed Unicode"],
    ['{"__proto__":{"a":1e999}}', "set.__proto__.a", "is a number too large for a double"],
  ])("%s", (source, path, message) => {
    expect(jsonProblem(parse(source), "set")).toEqual({ path, message });
  });

  test.each([
    ["arrays", "[", "]"],
    ["objects", '{"a":', "}"],
  ])("%s nested deeper than the limit, at any depth", (_, open, close) => {
    const nested = (levels: number): Json =>
      parse(`${open.repeat(levels)}${open === "[" ? "" : "1"}${close.repeat(levels)}`);
    expect(jsonProblem(nested(LIMITS.valueDepth), "set")).toBeUndefined();
    for (const levels of [LIMITS.valueDepth + 1, 100_000]) {
      expect(jsonProblem(nested(levels), "set")?.message).toBe(`is nested deeper than ${LIMITS.valueDepth} levels`);
    }
  });

  test("is undefined for any value that JSON can write", () => {
    fc.assert(
      fc.property(objectText, (source) => {
        expect(jsonProblem(parse(source), "set")).toBeUndefined();
      }),
    );
  });
});
