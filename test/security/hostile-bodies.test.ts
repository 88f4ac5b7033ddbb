import { encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { objectText, key } from "../protocol/arbitraries.ts";
import { post } from "../support/api.ts";
import { gzip } from "../support/http.ts";
import { runs } from "../support/runs.ts";
import { inOrder, withstood, type Watched } from "./watched.ts";
import { mutate, mutations } from "./mutations.ts";

const MIB = 1024 * 1024;
const SEED = 20_261;
const LONG = { timeout: 600_000 };
const REFUSALS = ["invalid_json", "invalid_update", "too_large", "unsupported_media_type"];
const encoder = new TextEncoder();

const change = fc.oneof(
  objectText.map((value) => `"set":${value}`),
  objectText.map((value) => `"patch":${value}`),
  fc.constant('"delete":true'),
);
const stamp = fc.constantFrom("", ',"time":1732096000123', ',"version":3', ',"ttl":60');
const update = fc
  .tuple(key, change, stamp)
  .map(([key, change, stamp]) => `{"key":${JSON.stringify(key)},${change}${stamp}}`);
const batch = fc.array(update, { minLength: 1, maxLength: 4 });
const packable = fc.record({ key: fc.constantFrom("A", "B"), set: fc.dictionary(fc.string(), fc.jsonValue()) });
const body = fc.oneof(
  update.map((text) => ({ bytes: encoder.encode(text), type: "application/json" })),
  batch.map((texts) => ({ bytes: encoder.encode(`[${texts.join()}]`), type: "application/json" })),
  batch.map((texts) => ({ bytes: encoder.encode(texts.join("\n")), type: "application/x-ndjson" })),
  fc.array(packable, { minLength: 1, maxLength: 3 }).map((updates) => {
    return { bytes: encode(updates), type: "application/msgpack" };
  }),
);

/** Sends a body; one that is refused may change nothing, and one that is taken must be there as it was sent. */
async function attack(watched: Watched, bytes: Uint8Array, headers: Record<string, string>): Promise<string> {
  const response = await post(watched.feed, bytes, headers);
  const code = await inOrder(response.clone());
  if (code !== "served") {
    expect(REFUSALS).toContain(code);
    await watched.isUnchanged();
    return code;
  }
  await watched.hasChanged();
  const { accepted, stale } = await response.json<{ accepted: number; stale: number }>();
  expect(accepted + stale).toBeGreaterThan(0);
  return code;
}

/** Texts that nest deeper than a value may, in each of the places where a text can. */
function nested(open: string, close: string): fc.Arbitrary<string> {
  return fc.integer({ min: 33, max: 100_000 }).map((depth) => {
    const inside = `${open.repeat(depth)}1${close.repeat(depth)}`;
    return (
      [`{"key":"A","set":{"p":${inside}}}`, inside, `{"key":${inside},"set":{}}`, open.repeat(depth)][depth % 4] ?? ""
    );
  });
}

describe("a body", () => {
  test.each([
    ["changed", false],
    ["compressed and changed", true],
  ])("that was good and is %s at random is refused or accepted as a whole", LONG, async (_, isGzip) => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(body, mutations), { minLength: 40, maxLength: 40 }), (inputs) =>
        withstood(async (watched) => {
          for (const [{ bytes, type }, changes] of inputs) {
            const headers = { "Content-Type": type, ...(isGzip && { "Content-Encoding": "gzip" }) };
            await attack(watched, mutate(isGzip ? await gzip(bytes) : bytes, changes), headers);
          }
        }),
      ),
      { numRuns: runs(isGzip ? 2 : 4), seed: SEED },
    );
  });

  test(
    "of another type or encoding, or with a length that is not true, is refused or taken for what it is",
    LONG,
    async () => {
      const types = fc.oneof(
        fc.constantFrom("application/json; charset=utf-8", "APPLICATION/JSON", "text/json", "multipart/form-data"),
        fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
      );
      const encodings = fc.constantFrom("identity", "gzip", "br", "x-gzip", "gzip, gzip", "", "GZIP", " gzip ", "none");
      const lengths = fc.constantFrom(undefined, "0", "-1", "1e9", "9".repeat(20), "0x10", "abc", "5, 5", "Infinity");
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(update, types, encodings, lengths), { minLength: 40, maxLength: 40 }),
          (inputs) =>
            withstood(async (watched) => {
              for (const [text, type, encoding, length] of inputs) {
                const headers = { "Content-Type": type, "Content-Encoding": encoding };
                await attack(watched, encoder.encode(text), {
                  ...headers,
                  ...(length !== undefined && { "Content-Length": length }),
                });
              }
            }),
        ),
        { numRuns: runs(2), seed: SEED },
      );
    },
  );

  test("that is huge in some way is refused in time", LONG, async () => {
    const members = fc.integer({ min: 1_000, max: 20_000 }).map((count) => {
      const names = Array.from({ length: count }, (_, i) => `"m${i}":${i}`).join();
      return (
        [
          `{"key":"A",${names}}`,
          `{"key":"A","set":{${names}}}`,
          `{${'"__proto__":{"polluted":1},'.repeat(count)}"key":"A","set":{}}`,
        ][count % 3] ?? ""
      );
    });
    const numbers = fc
      .integer({ min: 400, max: 200_000 })
      .map((digits) => `{"key":"A","set":{"p":${"9".repeat(digits)}}}`);
    const bad = fc
      .integer({ min: 1, max: 3_000 })
      .map((count) => `[${Array.from({ length: count }, () => '{"x":1}').join()}]`);
    const huge = fc.oneof(nested("[", "]"), nested('{"a":', "}"), members, numbers, bad);
    await fc.assert(
      fc.asyncProperty(fc.array(huge, { minLength: 10, maxLength: 10 }), fc.boolean(), (texts, isGzip) =>
        withstood(async (watched) => {
          for (const text of texts) {
            const bytes = isGzip ? await gzip(text) : encoder.encode(text);
            const began = performance.now();
            await attack(watched, bytes, isGzip ? { "Content-Encoding": "gzip" } : {});
            expect(performance.now() - began).toBeLessThan(2_000);
          }
        }),
      ),
      { numRuns: runs(2), seed: SEED },
    );
  });

  test("that inflates without end is not read to its end", LONG, async () => {
    await withstood(async (watched) => {
      for (const filler of ["\0", " ", "[", '{"key":"A","set":{}}\n']) {
        const bomb = await gzip(filler.repeat(Math.ceil((8 * MIB) / filler.length)));
        const headers = { "Content-Encoding": "gzip" };
        expect(await attack(watched, bomb, headers)).toBe("too_large");
        expect(await attack(watched, bomb, { ...headers, "Content-Type": "application/x-ndjson" })).toBe("too_large");
        for (const bytes of [bomb.slice(0, -1), Uint8Array.from([...bomb, ...bomb])])
          await attack(watched, bytes, headers);
      }
    });
  });
});
