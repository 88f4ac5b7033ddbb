import { encode } from "@msgpack/msgpack";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MSGPACK_PROTOCOL } from "../../src/protocol/names.ts";
import { jsonText, key, objectText } from "../protocol/arbitraries.ts";
import { bearer, post, PUBLISH_KEY } from "../support/api.ts";
import { runs } from "../support/runs.ts";
import { token } from "../support/tokens.ts";
import { speak } from "./conversation.ts";
import { mutate, mutatedText, mutations } from "./mutations.ts";
import { CANARY } from "./requests.ts";
import { inOrder, nothingPolluted, withstood } from "./watched.ts";

const SEED = 20_264;
const LONG = { timeout: 600_000 };
const MIB = 1024 * 1024;
const encoder = new TextEncoder();

const id = fc.constantFrom("", ',"id":1', ',"id":-0', ',"id":1e308', ',"id":9007199254740993');
const subscribe = fc
  .tuple(fc.array(key, { maxLength: 4 }), fc.constantFrom("", ',"hz":4', ',"mode":"all"', ',"hz":0.1,"mode":"latest"'))
  .map(([keys, more]) => `{"type":"subscribe","keys":${JSON.stringify(keys)}${more}`);
const publish = fc
  .array(fc.tuple(key, fc.constantFrom("set", "patch"), objectText), { minLength: 1, maxLength: 3 })
  .map((updates) => updates.map(([key, change, value]) => `{"key":${JSON.stringify(key)},"${change}":${value}}`))
  .map((updates) => `{"type":"publish","updates":[${updates.join()}]`);
const ack = fc.nat({ max: 100 }).map((seq) => `{"type":"ack","seq":${seq}`);
const auth = fc.constant(`{"type":"auth","token":"${CANARY}"`);
const good = fc.tuple(fc.oneof(subscribe, publish, ack), id).map(([text, id]) => `${text}${id}}`);

const frame = fc.oneof(
  { weight: 6, arbitrary: mutatedText(good) },
  { weight: 1, arbitrary: good },
  { weight: 1, arbitrary: mutatedText(auth.map((text) => `${text}}`)) },
  { weight: 1, arbitrary: jsonText },
  { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
  { weight: 1, arbitrary: mutatedText(good).map((text) => encoder.encode(text).slice().buffer) },
);
const frames = fc.array(frame, { minLength: 40, maxLength: 40 });
const packed = fc
  .tuple(good, mutations)
  .map(([text, changes]) => mutate(encode(JSON.parse(text)), changes).slice().buffer);

const asPublisher = async (): Promise<Record<string, string>> => bearer(PUBLISH_KEY);
const inMessagePack = async (): Promise<Record<string, string>> => ({
  ...bearer(PUBLISH_KEY),
  "Sec-WebSocket-Protocol": MSGPACK_PROTOCOL,
});

/** Another caller each time: one that has sent too much gets no socket for a while. */
async function asAnother(): Promise<Record<string, string>> {
  return bearer(await token("publish:*", { claims: { sub: crypto.randomUUID() } }));
}

describe("frames on a socket", () => {
  test("of any kind are answered properly, if the caller may publish", LONG, async () => {
    await fc.assert(
      fc.asyncProperty(frames, (frames) => withstood(({ feed }) => speak(feed, frames, asPublisher))),
      { numRuns: runs(4), seed: SEED },
    );
  });

  test("of MessagePack that was good and is changed at random are answered properly", LONG, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(packed, { minLength: 40, maxLength: 40 }), (frames) =>
        withstood(({ feed }) => speak(feed, frames, inMessagePack)),
      ),
      { numRuns: runs(3), seed: SEED },
    );
  });

  test("of any kind change nothing, if the caller may not publish", LONG, async () => {
    const reader = bearer(await token("subscribe:*"));
    await fc.assert(
      fc.asyncProperty(frames, (frames) =>
        withstood(async (watched) => {
          await speak(watched.feed, frames, async () => reader);
          await watched.isUnchanged();
        }),
      ),
      { numRuns: runs(2), seed: SEED },
    );
  });

  test("that are huge or deep are answered in time or close the socket", LONG, async () => {
    const deep = fc.integer({ min: 33, max: 100_000 }).map((n) => {
      const inside = "[".repeat(n) + "]".repeat(n);
      return (
        [
          `{"type":"publish","updates":${inside}}`,
          `{"type":${inside}}`,
          `{"type":"publish","updates":[{"key":"A","set":{"p":${inside}}}]}`,
          `{"type":"subscribe","keys":${inside}}`,
          '{"id":'.repeat(n),
        ][n % 5] ?? ""
      );
    });
    const long = fc.integer({ min: MIB - 2, max: MIB + 50_000 }).map((n) => '{"type":"ack","seq":1}'.padEnd(n));
    const bytes = fc.integer({ min: 1, max: MIB + 50_000 }).map((n) => new Uint8Array(n).buffer);
    const many = fc
      .integer({ min: 1_000, max: 20_000 })
      .map((n) => `{"type":"subscribe",${Array.from({ length: n }, (_, i) => `"m${i}":0`).join()}}`);
    const keys = fc
      .integer({ min: 1, max: 5_000 })
      .map((n) => JSON.stringify({ type: "subscribe", keys: Array.from({ length: n }, (_, i) => `key ${i}*`) }));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(deep, long, bytes, many, keys), { minLength: 10, maxLength: 10 }), (frames) =>
        withstood(async ({ feed }) => {
          const began = performance.now();
          await speak(feed, frames, asAnother);
          expect(performance.now() - began).toBeLessThan(10_000);
        }),
      ),
      { numRuns: runs(2), seed: SEED },
    );
    nothingPolluted();
  });
});

/** Few bytes that claim to be many: a reader that believes them runs out of memory. */
const LIARS: [what: string, bytes: number[]][] = [
  ["an array", [0xdd, 0x01, 0xdf, 0xff, 0xff]],
  ["arrays in arrays", Array.from({ length: 20 }, () => [0xdd, 0x01, 0xdf, 0xff, 0xff]).flat()],
  ["a map", [0xdf, 0x7f, 0xff, 0xff, 0xff]],
  ["maps in maps", Array.from({ length: 200 }, () => [0xdf, 0x00, 0xff, 0xff, 0xff, 0xa1, 0x61]).flat()],
  ["a string", [0xdb, 0xff, 0xff, 0xff, 0xff]],
  ["bytes", [0xc6, 0xff, 0xff, 0xff, 0xff]],
  ["an extension", [0xc9, 0xff, 0xff, 0xff, 0xff, 1]],
  ["short arrays, very deep", Array.from({ length: 100_000 }, () => 0x91)],
  ["long arrays, very deep", Array.from({ length: 100_000 }, () => [0xdc, 0x7f, 0xff]).flat()],
];

test("MessagePack that claims to hold more than it does is refused, in a frame and in a body", async () => {
  await withstood(async (watched) => {
    for (const [what, bytes] of LIARS) {
      const frame = Uint8Array.from(bytes);
      await speak(watched.feed, [frame.buffer], inMessagePack);
      const wrapped = Uint8Array.from([...encode({ key: "A" }).slice(0, -1), ...bytes]);
      for (const body of [frame, wrapped]) {
        const response = await post(watched.feed, body, { "Content-Type": "application/msgpack" });
        expect(["invalid_json", "invalid_update"], what).toContain(await inOrder(response));
      }
    }
    await watched.isUnchanged();
  });
});
