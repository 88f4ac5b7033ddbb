import { gzip } from "../support/http.ts";
import { describeRefusals, type BadRequest } from "./refused-requests.ts";

const GOOD = '{"key":"A","set":{"p":2}}';
const DEEP = 100_000;
const NDJSON = { "Content-Type": "application/x-ndjson" };

function bytes(...parts: (string | number)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => (typeof part === "number" ? [part] : Array.from(encoder.encode(part)))),
  );
}

const BAD_BODIES: BadRequest[] = [
  { what: "an empty body", code: "invalid_json", body: "" },
  { what: "no body at all", code: "invalid_json" },
  { what: "a body of white space", code: "invalid_json", body: " \n\t " },
  { what: "half a JSON text", code: "invalid_json", body: GOOD.slice(0, -1) },
  { what: "two JSON texts", code: "invalid_json", body: GOOD + GOOD },
  { what: "single quotes", code: "invalid_json", body: GOOD.replaceAll('"', "'") },
  { what: "a trailing comma", code: "invalid_json", body: `[${GOOD},]` },
  { what: "NaN", code: "invalid_json", body: '{"key":"A","set":{"p":NaN}}' },
  { what: "a raw line break in a string", code: "invalid_json", body: '{"key":"A","set":{"p":"a\nb"}}' },
  { what: "bytes that are not UTF-8", code: "invalid_json", body: bytes('{"key":"A","set":{"p":"', 0xff, '"}}') },
  { what: "an overlong encoding", code: "invalid_json", body: bytes('{"key":"', 0xc0, 0x80, '","set":{}}') },
  {
    what: "a surrogate as bytes",
    code: "invalid_json",
    body: bytes('{"key":"A","set":{"p":"', 0xed, 0xa0, 0x80, '"}}'),
  },
  { what: "a cut-off character", code: "invalid_json", body: bytes(GOOD, 0xe2, 0x82) },
  { what: "UTF-16", code: "invalid_json", body: bytes(0xff, 0xfe, "{", 0, "}", 0) },
  { what: "NDJSON of which one line is cut off", code: "invalid_json", headers: NDJSON, body: `${GOOD}\n{"key"\n` },
  {
    what: "NDJSON with an update over two lines",
    code: "invalid_json",
    headers: NDJSON,
    body: '{"key":"A",\n"set":{}}',
  },
  { what: "JSON that claims to be gzip", code: "invalid_json", headers: { "Content-Encoding": "gzip" }, body: GOOD },
  {
    what: "gzip that is cut off",
    code: "invalid_json",
    headers: { "Content-Encoding": "gzip" },
    body: async () => (await gzip(GOOD)).slice(0, -9),
  },
  {
    what: "gzip with a wrong checksum",
    code: "invalid_json",
    headers: { "Content-Encoding": "gzip" },
    body: async () => (await gzip(GOOD)).map((byte, i, all) => (i === all.length - 6 ? byte ^ 1 : byte)),
  },
  {
    what: "an empty body that claims to be gzip",
    code: "invalid_json",
    headers: { "Content-Encoding": "gzip" },
    body: "",
  },
  { what: "an empty array", code: "invalid_update", body: "[]" },
  { what: "NDJSON of blank lines", code: "invalid_update", headers: NDJSON, body: "\n \n" },
  { what: "a number", code: "invalid_update", body: "1" },
  { what: "null", code: "invalid_update", body: "null" },
  { what: "a string", code: "invalid_update", body: '"A"' },
  { what: "an array in NDJSON", code: "invalid_update", headers: NDJSON, body: `[${GOOD}]` },
  { what: "an unknown member", code: "invalid_update", body: '{"key":"A","set":{},"vers":1}' },
  { what: "a number past the doubles", code: "invalid_update", body: '{"key":"A","set":{"p":1e999}}' },
  { what: "a lone surrogate", code: "invalid_update", body: '{"key":"A","set":{"p":"\\ud800"}}' },
  { what: "100,000 nested arrays", code: "invalid_update", body: "[".repeat(DEEP) + "]".repeat(DEEP) },
  { what: "100,000 open brackets", code: "invalid_json", body: "[".repeat(DEEP) },
  {
    what: "a value of 100,000 nested arrays",
    code: "invalid_update",
    body: `{"key":"A","set":{"p":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}}`,
  },
  {
    what: "a patch of 100,000 nested objects",
    code: "invalid_update",
    body: `{"key":"A","patch":${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}}`,
  },
  {
    what: "a key of 100,000 nested arrays",
    code: "invalid_update",
    body: `{"set":{},"key":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`,
  },
  {
    what: "a value over 64 KiB",
    code: "invalid_update",
    body: JSON.stringify({ key: "A", set: { p: "x".repeat(65_536) } }),
  },
  { what: "a body over 1 MiB", code: "too_large", body: " ".repeat(1024 * 1024 + 1) },
  { what: "no content type", code: "unsupported_media_type", headers: { "Content-Type": "" }, body: GOOD },
  { what: "text", code: "unsupported_media_type", headers: { "Content-Type": "text/plain" }, body: GOOD },
  {
    what: "a form",
    code: "unsupported_media_type",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: GOOD,
  },
  {
    what: "a type that begins like JSON",
    code: "unsupported_media_type",
    headers: { "Content-Type": "application/json5" },
    body: GOOD,
  },
  {
    what: "another charset",
    code: "unsupported_media_type",
    headers: { "Content-Type": "application/json; charset=utf-16" },
    body: GOOD,
  },
  { what: "brotli", code: "unsupported_media_type", headers: { "Content-Encoding": "br" }, body: GOOD },
  { what: "gzip twice", code: "unsupported_media_type", headers: { "Content-Encoding": "gzip, gzip" }, body: GOOD },
  { what: "no credential", code: "unauthorized", headers: { Authorization: "" }, body: GOOD },
  { what: "a wrong credential", code: "unauthorized", headers: { Authorization: "Bearer wrong" }, body: GOOD },
  {
    what: "an idempotency key that is too long",
    code: "invalid_query",
    headers: { "Idempotency-Key": "k".repeat(129) },
    body: GOOD,
  },
];

describeRefusals("A bad body", BAD_BODIES);
