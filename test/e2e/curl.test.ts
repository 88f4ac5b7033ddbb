import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_KEY, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { curl } from "./support/curl.ts";
import { sharedWorkerd, type SharedServer } from "./support/shared.ts";

const PUBLISHER = ["-H", `Authorization: Bearer ${PUBLISH_KEY}`];
const ADMIN = ["-H", `Authorization: Bearer ${ADMIN_KEY}`];
const JSON_TYPE = ["-H", "Content-Type: application/json"];

let server: SharedServer;
let files: string;
const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

/** Publishes one entry, and returns the feed's address. */
async function published(feed: string): Promise<string> {
  const url = feedUrl(feed);
  await curl(...PUBLISHER, "--json", `{"key":"AAPL","set":{"price":191.2}}`, url);
  return url;
}

beforeAll(async () => {
  files = await mkdtemp(join(tmpdir(), "tickertape-curl-"));
  server = await sharedWorkerd();
});
afterAll(async () => {
  await rm(files, { recursive: true });
});

test("curl --json publishes and gets a receipt", async () => {
  const url = feedUrl("json");
  const { status, headers, body } = await curl(...PUBLISHER, "--json", `{"key":"AAPL","set":{"price":191.2}}`, url);
  expect(status).toBe(200);
  expect(headers["content-type"]).toMatch(/^application\/json\b/);
  expect(JSON.parse(body)).toEqual({ feed: "json", epoch: expect.any(String), seq: 1, accepted: 1, stale: 0 });
  expect(JSON.parse((await curl(url)).body)).toMatchObject({
    feed: "json",
    seq: 1,
    entries: { AAPL: { price: 191.2 } },
  });
});

test("a gzip file is published", async () => {
  const file = join(files, "batch.json.gz");
  const updates = Array.from({ length: 500 }, (_, i) => ({ key: `K${i}`, set: { n: i } }));
  await writeFile(file, gzipSync(JSON.stringify(updates)));
  const gzip = ["-H", "Content-Encoding: gzip", "--data-binary", `@${file}`];
  const { status, body } = await curl(...PUBLISHER, ...JSON_TYPE, ...gzip, feedUrl("gzip"));
  expect([status, JSON.parse(body)]).toMatchObject([200, { seq: 500, accepted: 500 }]);
  expect((await snapshot(feedUrl("gzip"))).entries["K499"]).toEqual({ n: 499 });
});

test("a file of lines is published as one batch", async () => {
  const file = join(files, "batch.ndjson");
  await writeFile(file, `{"key":"A","set":{"n":1}}\n{"key":"A","patch":{"m":2}}\n{"key":"B","set":{}}\n`);
  const lines = ["-H", "Content-Type: application/x-ndjson", "--data-binary", `@${file}`];
  const { status, body } = await curl(...PUBLISHER, ...lines, feedUrl("lines"));
  expect([status, JSON.parse(body)]).toMatchObject([200, { seq: 3, accepted: 3 }]);
  expect((await snapshot(feedUrl("lines"))).entries).toEqual({ A: { n: 1, m: 2 }, B: {} });
});

test("a poll costs a 304 until something changes", async () => {
  const url = await published("poll");
  const first = await curl(url);
  const { epoch, seq } = JSON.parse(first.body);
  expect(first.headers["etag"]).toBe(`"${epoch}:${seq}"`);
  const known = ["-H", `If-None-Match: ${first.headers["etag"]}`];
  const second = await curl(...known, url);
  expect([second.status, second.body, second.headers["etag"]]).toEqual([304, "", first.headers["etag"]]);
  await published("poll");
  expect((await curl(...known, url)).status).toBe(200);
});

test("since= asks only for what changed", async () => {
  const url = await published("since");
  const { epoch } = await snapshot(url);
  await curl(...PUBLISHER, "--json", `{"key":"MSFT","set":{"price":420}}`, url);
  const { body } = await curl(`${url}?since=${epoch}:1`);
  expect(JSON.parse(body)).toMatchObject({
    type: "update",
    from: 1,
    seq: 2,
    updates: [{ key: "MSFT", set: { price: 420 } }],
  });
});

test("HEAD tells what GET would", async () => {
  const url = await published("head");
  const get = await curl(url);
  const head = await curl("--head", url);
  expect([head.status, head.body]).toEqual([200, ""]);
  for (const name of ["etag", "content-type", "cache-control"])
    expect(head.headers[name], name).toBe(get.headers[name]);
});

test("history tells the updates of one key, oldest first", async () => {
  const url = await published("history");
  await curl(
    ...PUBLISHER,
    "--json",
    `[{"key":"MSFT","set":{}},{"key":"AAPL","patch":{"price":191.3},"time":1732096000123}]`,
    url,
  );
  const { body } = await curl(`${url}/history?key=AAPL&limit=10`);
  expect(JSON.parse(body)).toMatchObject({
    feed: "history",
    key: "AAPL",
    updates: [
      { seq: 1, time: expect.any(Number), set: { price: 191.2 } },
      { seq: 3, time: 1732096000123, patch: { price: 191.3 } },
    ],
    more: false,
  });
});

test("DELETE begins anew, for an admin only", async () => {
  const url = await published("reset");
  const { epoch } = await snapshot(url);
  expect((await curl("-X", "DELETE", ...PUBLISHER, url)).status).toBe(403);
  const { status, body } = await curl("-X", "DELETE", ...ADMIN, url);
  expect([status, JSON.parse(body)]).toMatchObject([200, { feed: "reset", seq: 0 }]);
  expect(JSON.parse(body).epoch).not.toBe(epoch);
  expect(await snapshot(url)).toEqual({ ...JSON.parse(body), time: 0, entries: {} });
});

test("a refusal says what to do about it, as problem+json", async () => {
  const url = await published("refused");
  const before = await snapshot(url);
  const good = `{"key":"AAPL","set":{}}`;
  const cases: [args: string[], problem: object, header?: [name: string, value: string]][] = [
    [["--json", good], { status: 401, code: "unauthorized" }, ["www-authenticate", "Bearer"]],
    [["-H", "Authorization: Bearer wrong", "--json", good], { status: 401, code: "unauthorized" }],
    [[...PUBLISHER, "--json", `{"key":`], { status: 400, code: "invalid_json" }],
    [[...PUBLISHER, "-d", good], { status: 415, code: "unsupported_media_type" }],
    [["-X", "PUT", ...PUBLISHER, "--json", good], { status: 405, code: "method_not_allowed" }, ["allow", "POST"]],
    [
      [...PUBLISHER, "--json", `[${good},{"key":"AAPL","sett":{}}]`],
      { status: 422, code: "invalid_update", issues: [{ index: 1, path: "sett", message: expect.any(String) }] },
    ],
  ];
  for (const [args, problem, header] of cases) {
    const { status, headers, body } = await curl(...args, url);
    expect(headers["content-type"]).toBe("application/problem+json");
    expect({ ...JSON.parse(body), status }).toMatchObject(problem);
    expect(JSON.parse(body)).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
      status,
    });
    if (header) expect(headers[header[0]]).toContain(header[1]);
  }
  expect(await snapshot(url)).toEqual(before);
});
