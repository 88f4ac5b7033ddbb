import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { BINDINGS, publish, PUBLISH_KEY, snapshot, statsOf, type Snapshot } from "./support/api.ts";
import { head, RawRequest } from "./support/raw-http.ts";
import { residentBytes } from "../bench/load/memory.ts";
import { until } from "./support/until.ts";
import { Workerd } from "./support/workerd.ts";

const MB = 1_000_000;
const BODY = '{"key":"A","set":{"p":2}}';
const PUBLISHER = [`Authorization: Bearer ${PUBLISH_KEY}`, "Content-Type: application/json"];
const CHUNKED = [...PUBLISHER, "Transfer-Encoding: chunked"];
const FEED = "/v1/feeds/attacked";
const CHUNK = `${BODY.length.toString(16)}\r\n${BODY}\r\n`;

let workerd: Workerd;
let before: Snapshot;
const feedUrl = (): string => workerd.url + FEED;

beforeAll(async () => {
  workerd = await Workerd.start({ bindings: BINDINGS });
  await publish(feedUrl(), { key: "A", set: { p: 1 } });
});
afterAll(async () => {
  await workerd.dispose();
});
beforeEach(async () => {
  before = await snapshot(feedUrl());
});

/** Requests that no client would send. Whatever becomes of them, they publish nothing and break nothing. */
const BROKEN: [what: string, ...parts: (string | Uint8Array)[]][] = [
  ["a body shorter than it was said to be", head(`POST ${FEED}`, [...PUBLISHER, "Content-Length: 500"]), BODY],
  ["a body longer than it was said to be", head(`POST ${FEED}`, [...PUBLISHER, "Content-Length: 9"]), BODY],
  ["a length below 0", head(`POST ${FEED}`, [...PUBLISHER, "Content-Length: -1"]), BODY],
  ["a length that is no number", head(`POST ${FEED}`, [...PUBLISHER, "Content-Length: many"]), BODY],
  ["a length past all numbers", head(`POST ${FEED}`, [...PUBLISHER, `Content-Length: ${"9".repeat(40)}`]), BODY],
  ["two lengths", head(`POST ${FEED}`, [...PUBLISHER, "Content-Length: 3", `Content-Length: ${BODY.length}`]), BODY],
  ["no length", head(`POST ${FEED}`, PUBLISHER), BODY],
  ["a chunk whose length is no number", head(`POST ${FEED}`, CHUNKED), `zz\r\n${BODY}\r\n0\r\n\r\n`],
  ["a chunk with a length below 0", head(`POST ${FEED}`, CHUNKED), `-5\r\n${BODY}\r\n0\r\n\r\n`],
  [
    "a chunk with a length past all numbers",
    head(`POST ${FEED}`, CHUNKED),
    `${"f".repeat(40)}\r\n${BODY}\r\n0\r\n\r\n`,
  ],
  ["a chunk that is longer than it says", head(`POST ${FEED}`, CHUNKED), `5\r\n${BODY}\r\n0\r\n\r\n`],
  ["chunks without an end", head(`POST ${FEED}`, CHUNKED), CHUNK],
  [
    "gzip that is cut off",
    head(`POST ${FEED}`, [...CHUNKED, "Content-Encoding: gzip"]),
    "8\r\n",
    gzipSync(BODY).subarray(0, 8),
    "\r\n0\r\n\r\n",
  ],
  [
    "a reset by a publisher that asks for an upgrade",
    head(`DELETE ${FEED}`, [`Authorization: Bearer ${PUBLISH_KEY}`, "Upgrade: websocket", "Connection: Upgrade"]),
  ],
  [
    "a publish without a credential that asks for an upgrade",
    head(`POST ${FEED}`, [
      "Content-Type: application/json",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Content-Length: ${BODY.length}`,
    ]),
    BODY,
  ],
  [
    "a header with every byte there is",
    `POST ${FEED} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer `,
    Uint8Array.from({ length: 256 }, (_, i) => i),
    `\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  ],
  [
    "a credential of bytes past ASCII",
    head(`POST ${FEED}`, ["Authorization: Bearer X", `Content-Length: ${BODY.length}`]).replace(
      "X",
      "\u00e9\u00ff\u0080",
    ),
    BODY,
  ],
  [
    "headers of 1 MB",
    head(
      `GET ${FEED}`,
      Array.from({ length: 1_000 }, (_, i) => `X-${i}: ${"x".repeat(1_000)}`),
    ),
  ],
  ["a path of 1 MB", head(`GET ${FEED}?keys=${"x".repeat(MB)}`, [])],
  ["no request at all", Uint8Array.from({ length: 5_000 }, (_, i) => (i * 7_919) % 256)],
];

test.each(BROKEN)("%s publishes nothing, and others are served", async (_, ...parts) => {
  const request = await RawRequest.open(workerd.port);
  request.write(...parts);
  // Nothing more comes: what was promised and is missing stays missing.
  request.socket.end();
  await until(() => request.ended || request.received !== "", "an end");
  expect(await request.status()).toBeLessThan(500);
  request.close();
  expect(request.received).not.toMatch(/\bat \w+ \(|\.js:|TypeError|e2e-publish/);
  expect(await snapshot(feedUrl())).toEqual(before);
});

test.each([
  ["a length and chunks together", [...CHUNKED, "Content-Length: 4"]],
  ["chunks and another transfer encoding", [...PUBLISHER, "Transfer-Encoding: gzip, chunked"]],
])("%s are read in one way or refused", async (_, headers) => {
  const request = await RawRequest.open(workerd.port);
  request.write(head(`POST ${FEED}`, headers), CHUNK, "0\r\n\r\n");
  const status = await request.status();
  request.close();
  expect([0, 200, 400]).toContain(status);
  expect((await snapshot(feedUrl())).seq).toBe(before.seq + (status === 200 ? 1 : 0));
});

test("bodies that trickle in delay no other request, and are read when they are complete", async () => {
  const requests = await Promise.all(Array.from({ length: 20 }, () => RawRequest.open(workerd.port)));
  for (const request of requests) request.write(head(`POST ${FEED}`, [...PUBLISHER, `Content-Length: ${BODY.length}`]));
  for (const letter of BODY.slice(0, -1)) {
    for (const request of requests) request.write(letter);
    // Others are served between any two bytes.
    for (let i = 0; i < 5; i++) await snapshot(feedUrl());
  }
  expect(await snapshot(feedUrl())).toEqual(before);
  for (const request of requests) request.write("}");
  expect(await Promise.all(requests.map((request) => request.status()))).toEqual(requests.map(() => 200));
  for (const request of requests) request.close();
  expect((await snapshot(feedUrl())).seq).toBe(before.seq + 20);
});

/** Not random, so that a failure comes again. */
const JUNK = [
  "",
  "x",
  "13",
  "websocket",
  ",,,",
  "a".repeat(3_000),
  "bearer.guess",
  "tickertape.v1",
  "tickertape.v9",
  "\u0001",
  "dGhlIHNhbXBsZSBub25jZQ==",
  "\u00ff",
];
const junk = (i: number): string => JUNK[i % JUNK.length] ?? "";

describe("many upgrades that are garbage", () => {
  test("leave no subscriber, no memory in use, and a server that answers", async () => {
    const resident = await residentBytes(workerd.process.pid ?? 0);
    const answers = new Map<number, number>();
    const upgrade = async (i: number): Promise<void> => {
      const request = await RawRequest.open(workerd.port);
      request.write(
        head(`GET ${FEED}${i % 5 === 0 ? `?since=${encodeURIComponent(junk(i))}&hz=${i % 70}` : ""}`, [
          "Upgrade: websocket",
          `Connection: ${i % 3 === 0 ? "keep-alive" : "Upgrade"}`,
          `Sec-WebSocket-Key: ${i % 3 === 1 ? "dGhlIHNhbXBsZSBub25jZQ==" : junk(Math.floor(i / 2))}`,
          `Sec-WebSocket-Version: ${i % 3 === 1 ? "13" : junk(Math.floor(i / 3))}`,
          `Sec-WebSocket-Protocol: ${junk(Math.floor(i / 5))}`,
          `Sec-WebSocket-Extensions: ${junk(Math.floor(i / 7))}`,
          ...(i % 4 === 0 ? [`Origin: ${junk(Math.floor(i / 11))}`] : []),
        ]),
      );
      request.socket.end();
      const status = await request.status();
      answers.set(status, (answers.get(status) ?? 0) + 1);
      // As frames these are garbage too.
      request.write("garbage", Uint8Array.of(0xff, 0xff, 0, 1, 2)).close();
    };
    for (let i = 0; i < 1_200; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => upgrade(i + k)));
    for (const status of answers.keys()) expect(status).toBeLessThan(500);
    await until(async () => (await statsOf(feedUrl())).subscribers === 0, "all of them to be gone");
    const growth = (await residentBytes(workerd.process.pid ?? 0)) - resident;
    console.log("garbage upgrades:", Object.fromEntries(answers), `${Math.round(growth / MB)} MB more resident`);
    expect(growth).toBeLessThan(60 * MB);
    expect(await snapshot(feedUrl())).toEqual(before);
  });
});
