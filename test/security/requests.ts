import * as fc from "fast-check";
import { mutatedText } from "./mutations.ts";

/** Put where credentials go: it may be in no answer. */
export const CANARY = "canary-4e81c0";

export const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
  fc.constantFrom(
    "",
    " ",
    "\t",
    "*",
    "null",
    "undefined",
    "NaN",
    "Infinity",
    "-1",
    "0x10",
    "1e999",
    "__proto__",
    "[object Object]",
    "\ufeff1",
    "１",
    "%00",
    "a:1",
    ":",
  ),
  fc.nat({ max: 20_000 }).map((length) => "x".repeat(length)),
);
export const number = fc.oneof(fc.double().map(String), fc.bigInt().map(String), fc.integer().map(String));
const position = mutatedText(fc.constant("abcdefghij:12"));
const keys = fc.array(text, { maxLength: 30 }).map((names) => names.join());

const PARAMETERS: Record<string, fc.Arbitrary<string>> = {
  keys,
  since: fc.oneof(position, text),
  hz: fc.oneof(number, text),
  mode: mutatedText(fc.constantFrom("latest", "all")),
  wait: fc.oneof(fc.constantFrom("0", "-0", "31", "1e1"), text),
  key: text,
  limit: fc.oneof(number, text),
  before: fc.oneof(number, text),
  after: text,
  __proto__x: text,
};

/** A value as it may be smuggled in: encoded twice, not at all, or with bytes that are no UTF-8. */
export const encoded = (value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      value.map((text) => text.toWellFormed()),
      fc.nat({ max: 9 }),
    )
    .map(([text, how]) => {
      if (how === 0) return encodeURIComponent(encodeURIComponent(text));
      if (how === 1) return text.replaceAll(/[#&\s]/g, "");
      if (how === 2) return `${encodeURIComponent(text)}%ff%c0%af%ed%a0%80`;
      return encodeURIComponent(text);
    });
const parameter = fc
  .constantFrom(...Object.keys(PARAMETERS))
  .chain((name) => encoded(PARAMETERS[name]!).map((value) => `${name}=${value}`));
export const query = fc
  .array(parameter, { maxLength: 4 })
  .chain((parts) => fc.subarray([...parts, ...parts.slice(0, 1)]))
  .map((parts) => parts.join("&"));

const ascii = fc.string({
  unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
});
const junk = fc.oneof(
  ascii,
  fc.nat({ max: 9_000 }).map((length) => "a,".repeat(length)),
  fc.constantFrom("", ",", ";", "*", '"', "null"),
);
const HEADERS: Record<string, fc.Arbitrary<string>> = {
  Authorization: fc.oneof(
    junk,
    fc.constantFrom(
      `Basic ${CANARY}`,
      `Bearer ${CANARY} x`,
      `Bearer${CANARY}`,
      `Bearer\t${CANARY}`,
      `Bearer ,${CANARY}`,
      "Bearer",
      `Bearer "${CANARY}"`,
    ),
    ascii.map((text) => `Bearer ${CANARY}${text}`),
  ),
  "Idempotency-Key": junk,
  "If-None-Match": fc.oneof(
    junk,
    position.map((text) => `"${text}"`),
    fc.nat({ max: 3_000 }).map((n) => 'W/"x",'.repeat(n)),
  ),
  "If-Match": junk,
  "CF-Connecting-IP": fc.oneof(junk, fc.ipV4(), fc.ipV6(), mutatedText(fc.ipV6())),
  Origin: fc.oneof(
    junk,
    fc.webUrl(),
    fc.constantFrom(
      "null",
      "https://feeds.test",
      "https://feeds.test.evil.example",
      "file://",
      "https://feeds.test@evil.example",
    ),
  ),
  "Sec-WebSocket-Protocol": fc.oneof(
    junk,
    fc.constantFrom(
      `bearer.${CANARY}`,
      `tickertape.v1, bearer.${CANARY}`,
      "bearer.",
      "tickertape.v2",
      ",,,",
      `BEARER.${CANARY}`,
    ),
  ),
  Upgrade: fc.constantFrom("websocket", "WebSocket", "h2c", "websocket, h2c", ""),
  Accept: fc.oneof(junk, fc.constantFrom("text/event-stream;q=0", "text/html")),
  "Last-Event-ID": fc.oneof(junk, position),
  "Access-Control-Request-Method": junk,
  "Content-Type": junk,
  "X-HTTP-Method-Override": fc.constant("DELETE"),
  "X-Forwarded-Host": fc.constant("evil.example"),
  Range: fc.constantFrom("bytes=0-0", "bytes=-1"),
};
const header = fc
  .constantFrom(...Object.keys(HEADERS))
  .chain((name) => HEADERS[name]!.map((value) => [name, value] as const));
export const headers = fc.array(header, { maxLength: 4 });

/**
 * The headers that can be sent from here, of ASCII. The platform makes a `GET` of every request that asks for an
 * upgrade: other methods are sent as bytes in the end-to-end tests.
 */
export function sendable(method: string, pairs: readonly (readonly [string, string])[]): Headers {
  const headers = new Headers();
  for (const [name, value] of pairs) {
    if (/^[\x20-\x7e]*$/.test(value)) headers.set(name, value);
  }
  if (method !== "GET") headers.delete("Upgrade");
  return headers;
}
