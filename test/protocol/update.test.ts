import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/protocol/limits.ts";
import { batchTooLarge, encodeDelete, encodeSet, readEncodedUpdate } from "../../src/protocol/update.ts";
import { finishSteps } from "../../src/protocol/long-json.ts";
import { acceptUpdate, checkUpdate, decodeUpdatesInSteps } from "../../src/protocol/update-decoding.ts";
import { runs } from "../support/runs.ts";
import { jsonText, key, objectText } from "./arbitraries.ts";

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value));
const ttl = fc.double({ min: 1e-9, max: LIMITS.ttlMax, noNaN: true }).map(String);

/** Good updates as a publisher may write them: members in any order, with any of the optional ones. */
const updateText = fc
  .record({
    name: key.map((value) => JSON.stringify(value)),
    change: fc.oneof(
      objectText.map((value) => ["set", value]),
      objectText.map((value) => ["patch", value]),
      fc.constant(["delete", "true"]),
    ),
    stamps: fc.record({ time: finite, version: finite, ttl }, { requiredKeys: [] }),
    first: fc.boolean(),
  })
  .map(({ name, change: [change, value], stamps, first }) => {
    const members = [
      `"key":${name}`,
      `"${change}":${value}`,
      ...Object.entries(stamps).map(([stamp, number]) => `"${stamp}":${number}`),
    ];
    return `{${(first ? members : members.toReversed()).join()}}`;
  });

/** Values that are wrong for a member, or just right. */
const oddText = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom("0", "-0", "-1", "1e999", "-1e999", "5e-324", "315360000", "315360001", "1e9"),
  },
  { weight: 3, arbitrary: fc.constantFrom("{}", "[]", "null", "true", "false", '"\\ud800"', '"a,b"', '""') },
  { weight: 2, arbitrary: fc.constantFrom('{"a":1e999}', '{"a":["\\ud800"]}', '{"\\udc00":1}') },
  jsonText,
);

/** Good updates with another value for one member, or with one member more. */
const oddUpdateText = fc
  .tuple(
    updateText,
    fc.constantFrom("key", "set", "patch", "delete", "time", "version", "ttl", "__proto__", "toString", "Key", ""),
    oddText,
  )
  // Of two members with one name, the value of the last counts, at the place of the first.
  .map(([source, name, value]) => `${source.slice(0, -1)},"${name}":${value}}`);

function canonical(source: string): Record<string, unknown> {
  return JSON.parse(source);
}

describe("a good update", () => {
  test("is encoded and read back without loss, whatever the names of its members", () => {
    fc.assert(
      fc.property(updateText, (source) => {
        const decoded = finishSteps(decodeUpdatesInSteps([JSON.parse(source)]));
        if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
        const [text = ""] = decoded.updates;
        const sent = canonical(source);
        const kept = new Map(Object.entries(readEncodedUpdate(text)));
        expect([...kept.keys()].toSorted()).toEqual(Object.keys(sent).toSorted());
        // As text, since equality of objects does not look at members named __proto__.
        for (const [name, value] of Object.entries(sent))
          expect(JSON.stringify(kept.get(name))).toBe(JSON.stringify(value));
        expect(text.startsWith(`{"key":${JSON.stringify(sent["key"])},`)).toBe(true);
        expect(text).not.toMatch(/[\n\r\t]/);
      }),
    );
  });

  test("is the same text when it is decoded again", () => {
    fc.assert(
      fc.property(fc.array(updateText, { minLength: 1, maxLength: 5 }), (sources) => {
        const once = finishSteps(decodeUpdatesInSteps(sources.map((source) => JSON.parse(source))));
        if (!once.ok) throw new Error(JSON.stringify(once.issues));
        expect(finishSteps(decodeUpdatesInSteps(once.updates.map((text) => JSON.parse(text))))).toEqual(once);
      }),
    );
  });
});

describe("any JSON at all", () => {
  test("is accepted, or refused with a path and a reason, and nothing is thrown", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(jsonText, updateText, objectText), { minLength: 1, maxLength: 5 }), (sources) => {
        const decoded = finishSteps(decodeUpdatesInSteps(sources.map((source) => JSON.parse(source))));
        if (decoded.ok) expect(decoded.updates).toHaveLength(sources.length);
        else
          for (const { index, message } of decoded.issues)
            expect([sources[index], message]).toEqual([expect.any(String), expect.stringMatching(/\S/)]);
      }),
    );
  });

  test("is checked by the same rules with and without the schemas", () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: oddUpdateText }, updateText, jsonText), (source) => {
        const input: unknown = JSON.parse(source);
        const checked = checkUpdate(input);
        const accepted = acceptUpdate(input);
        expect(accepted?.ok ? accepted.text : undefined).toBe(checked.ok ? checked.text : undefined);
      }),
      { numRuns: runs(600) },
    );
  });

  test("is refused as an empty batch", () => {
    expect(finishSteps(decodeUpdatesInSteps([]))).toMatchObject({ ok: false, issues: [{ index: 0, path: "" }] });
  });

  test("is refused if it is not an object", () => {
    for (const input of [null, 0, "", true, [], [{}], undefined]) {
      expect(finishSteps(decodeUpdatesInSteps([input]))).toEqual({
        ok: false,
        issues: [{ index: 0, path: "", message: "is not a JSON object" }],
      });
    }
  });
});

describe("the server's own updates", () => {
  test("are read back as they were written", () => {
    fc.assert(
      fc.property(key, objectText, fc.maxSafeInteger(), (name, value, version) => {
        const canonicalValue = JSON.stringify(JSON.parse(value));
        const set = readEncodedUpdate(encodeSet(name, canonicalValue, { version }));
        expect(JSON.stringify(set)).toBe(
          `{"key":${JSON.stringify(name)},"set":${canonicalValue},"version":${version}}`,
        );
        expect(readEncodedUpdate(encodeDelete(name, { time: 5 }))).toEqual({ key: name, delete: true, time: 5 });
      }),
    );
  });
});

test.each(["x", "é", "€", "😀"])(
  "a batch is too large from the first byte above the limit, in characters such as %s",
  (character) => {
    const width = new TextEncoder().encode(character).length;
    const texts = Array.from({ length: 10 }, () =>
      character.repeat(Math.floor(LIMITS.encodedBatchBytes / 10 / width) - 1),
    );
    const bytes = 10 * width * (Math.floor(LIMITS.encodedBatchBytes / 10 / width) - 1) + 9 + 1;
    const room = LIMITS.encodedBatchBytes - bytes;
    expect(batchTooLarge([...texts, "x".repeat(room)])).toBe(false);
    expect(batchTooLarge([...texts, "x".repeat(room + 1)])).toBe(true);
  },
);
