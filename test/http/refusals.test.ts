import { listDurableObjectIds } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { ProblemCode } from "../../src/protocol/codes.ts";
import { ADMIN_KEY, bearer, newFeed, publish, request } from "../support/api.ts";
import { feedState, gzip, listedFeeds, problem } from "../support/http.ts";

const GOOD = '{"key":"A","set":{"p":2}}';
const DEEP = 100_000;
const ARRAYS = "[".repeat(DEEP) + "]".repeat(DEEP);
const OBJECTS = `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`;
const NDJSON = { "Content-Type": "application/x-ndjson" };
const GZIP = { "Content-Encoding": "gzip" };

const feed = newFeed();
const others: string[] = [];
let before: unknown;

beforeAll(async () => {
  await publish(feed, [
    { key: "A", set: { p: 1 }, version: 1 },
    { key: "B", set: {} },
  ]);
  before = await feedState(feed);
});

/** One that does not exist. */
function anotherFeed(): string {
  const name = newFeed();
  others.push(name);
  return name;
}

function bytes(...parts: (string | number)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : Array.from(encoder.encode(part)))),
  );
}

type BadBody = [what: string, code: ProblemCode, body: BodyInit | null, headers?: Record<string, string>];

const BAD_BODIES: BadBody[] = [
  ["an empty body", "invalid_json", ""],
  ["no body at all", "invalid_json", null],
  ["a body of white space", "invalid_json", " \n\t "],
  ["half a JSON text", "invalid_json", GOOD.slice(0, -1)],
  ["two JSON texts", "invalid_json", GOOD + GOOD],
  ["single quotes", "invalid_json", GOOD.replaceAll('"', "'")],
  ["a trailing comma", "invalid_json", `[${GOOD},]`],
  ["NaN", "invalid_json", '{"key":"A","set":{"p":NaN}}'],
  ["a raw line break in a string", "invalid_json", '{"key":"A","set":{"p":"a\nb"}}'],
  ["bytes that are not UTF-8", "invalid_json", bytes('{"key":"A","set":{"p":"', 0xff, '"}}')],
  ["an overlong encoding", "invalid_json", bytes('{"key":"', 0xc0, 0x80, '","set":{}}')],
  ["a surrogate as bytes", "invalid_json", bytes('{"key":"A","set":{"p":"', 0xed, 0xa0, 0x80, '"}}')],
  ["a cut-off character", "invalid_json", bytes(GOOD, 0xe2, 0x82)],
  ["UTF-16", "invalid_json", bytes(0xff, 0xfe, "{", 0, "}", 0)],
  ["NDJSON of which one line is cut off", "invalid_json", `${GOOD}\n{"key"\n`, NDJSON],
  ["NDJSON with an update over two lines", "invalid_json", '{"key":"A",\n"set":{}}', NDJSON],
  ["JSON that claims to be gzip", "invalid_json", GOOD, GZIP],
  ["gzip that is cut off", "invalid_json", (await gzip(GOOD)).slice(0, -9), GZIP],
  [
    "gzip with a wrong checksum",
    "invalid_json",
    (await gzip(GOOD)).map((byte, i, all) => (i === all.length - 6 ? byte ^ 1 : byte)),
    GZIP,
  ],
  ["an empty body that claims to be gzip", "invalid_json", "", GZIP],
  ["100,000 open brackets", "invalid_json", "[".repeat(DEEP)],
  ["an empty array", "invalid_update", "[]"],
  ["NDJSON of blank lines", "invalid_update", "\n \n", NDJSON],
  ["a number", "invalid_update", "1"],
  ["null", "invalid_update", "null"],
  ["a string", "invalid_update", '"A"'],
  ["an array in NDJSON", "invalid_update", `[${GOOD}]`, NDJSON],
  ["an unknown member", "invalid_update", '{"key":"A","set":{},"vers":1}'],
  ["100,000 nested arrays", "invalid_update", ARRAYS],
  ["a value of 100,000 nested arrays", "invalid_update", `{"key":"A","set":{"p":${ARRAYS}}}`],
  ["a patch of 100,000 nested objects", "invalid_update", `{"key":"A","patch":${OBJECTS}}`],
  ["a key of 100,000 nested arrays", "invalid_update", `{"set":{},"key":${ARRAYS}}`],
  ["a value over 64 KiB", "invalid_update", JSON.stringify({ key: "A", set: { p: "x".repeat(65_536) } })],
  ["a body over 1 MiB", "too_large", " ".repeat(1024 * 1024 + 1)],
  ["no content type", "unsupported_media_type", GOOD, { "Content-Type": "" }],
  ["text", "unsupported_media_type", GOOD, { "Content-Type": "text/plain" }],
  ["a form", "unsupported_media_type", GOOD, { "Content-Type": "application/x-www-form-urlencoded" }],
  ["a type that begins like JSON", "unsupported_media_type", GOOD, { "Content-Type": "application/json5" }],
  ["another charset", "unsupported_media_type", GOOD, { "Content-Type": "application/json; charset=utf-16" }],
  ["brotli", "unsupported_media_type", GOOD, { "Content-Encoding": "br" }],
  ["gzip twice", "unsupported_media_type", GOOD, { "Content-Encoding": "gzip, gzip" }],
  ["no credential", "unauthorized", GOOD, { Authorization: "" }],
  ["an empty idempotency key", "invalid_query", GOOD, { "Idempotency-Key": "" }],
  ["an idempotency key of 129 characters", "invalid_query", GOOD, { "Idempotency-Key": "k".repeat(129) }],
];

test.each(BAD_BODIES)("%s is refused as %s", async (_, code, body, more = {}) => {
  const headers = { ...bearer(ADMIN_KEY), "Content-Type": "application/json", ...more };
  for (const name of [feed, anotherFeed()]) {
    await problem(await request(`/v1/feeds/${name}`, { method: "POST", headers, body }), code);
  }
});

function given(name: string, values: readonly string[]): string[] {
  return values.map((value) => `${name}=${value}`);
}

const KEYS = Array.from({ length: 1_001 }, (_, i) => i).join();
const SINCE = [
  "",
  "x",
  "x:",
  ":1",
  "x:-1",
  "x:1.5",
  "x:01",
  "x:1e3",
  "X:1",
  "x:1:2",
  "%20x:1",
  "x:99999999999999999999",
];
const HZ = ["", "0", "-1", "0.09", "60.1", "fast", "Infinity", "NaN", "0x10", "1e1", "%201"];

describe("[READ10] a bad query is refused:", () => {
  test.each([
    ...given("keys", ["", ",", "A,", ",A", "a*b", "**", "*a", "%00", "A&keys=", "k".repeat(129), KEYS]),
    ...given("since", [...SINCE, "a:1&since=b:2"]),
    ...given("hz", [...HZ, "1&hz=2"]),
    ...given("mode", ["", "newest", "ALL", "all&mode=latest"]),
    ...given("since=a:1&wait", ["-1", "31", "x", "", "1e1", "30.5"]),
  ])("?%s", async (query) => {
    for (const name of [feed, anotherFeed()])
      await problem(await request(`/v1/feeds/${name}?${query}`), "invalid_query");
  });

  test.each([
    "limit=1",
    ...given("key", ["", "a,b", "a*", "%0A", "k".repeat(129), "A&key=B"]),
    ...given("key=A&limit", ["0", "-1", "1001", "1.5", "ten", "", "1e2", "+1", "%201", "1&limit=2"]),
    ...given("key=A&before", ["-1", "1.5", "x", "", "1e2", "99999999999999999999", "1&before=2"]),
  ])("/history?%s", async (query) => {
    for (const name of [feed, anotherFeed()]) {
      await problem(await request(`/v1/feeds/${name}/history?${query}`), "invalid_query");
    }
  });

  test.each(["limit=0", "limit=501", "limit=x", "limit=", "limit=1&limit=2", "after=a&after=b"])(
    "/v1/feeds?%s",
    async (query) => {
      await problem(await request(`/v1/feeds?${query}`), "invalid_query");
    },
  );
});

test("all that was refused has changed nothing, and made no feed", async () => {
  expect(await feedState(feed)).toEqual(before);
  expect(await listedFeeds()).toEqual([feed]);
  const made = new Set((await listDurableObjectIds(env.FEEDS)).map(String));
  expect(others.filter((name) => made.has(String(env.FEEDS.idFromName(name))))).toEqual([]);
});
