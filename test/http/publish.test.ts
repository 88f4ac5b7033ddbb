import { describe, expect, test } from "vitest";
import { newFeed, post, publish, snapshot } from "../support/api.ts";
import { gzip } from "../support/http.ts";
import { TestSubscriber } from "../support/subscriber.ts";

const A1 = '{"key":"A","set":{"p":1}}';
const B2 = '{"key":"B","set":{"p":2}}';
const BOTH = { A: { p: 1 }, B: { p: 2 } };

describe("a body of application/json", () => {
  test("holds one update", async () => {
    const feed = newFeed();
    const receipt = await publish(feed, { key: "A", set: { p: 1 } });
    expect(receipt).toEqual({ feed, epoch: receipt.epoch, seq: 1, accepted: 1, stale: 0 });
    expect(receipt.epoch).toMatch(/^[a-z0-9]+$/);
    expect(await snapshot(feed)).toEqual({
      feed,
      epoch: receipt.epoch,
      seq: 1,
      time: expect.any(Number),
      entries: { A: { p: 1 } },
    });
  });

  test("holds an array of updates, which are applied in order", async () => {
    const feed = newFeed();
    const receipt = await publish(feed, [
      { key: "A", set: { p: 1 } },
      { key: "A", patch: { q: 2 } },
      { key: "B", set: {} },
      { key: "B", delete: true },
    ]);
    expect(receipt).toMatchObject({ seq: 4, accepted: 4, stale: 0 });
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1, q: 2 } });
  });

  test.each([
    ["with a byte order mark", `\ufeff${A1}`],
    ["with white space around it", `\r\n\t ${A1} \n`],
    ["with a member named twice, of which the last counts", '{"key":"Z","key":"A","set":{"p":0,"p":1}}'],
  ])("may come %s", async (_, body) => {
    const feed = newFeed();
    expect((await post(feed, body)).status).toBe(200);
    expect((await snapshot(feed)).entries).toEqual({ A: { p: 1 } });
  });
});

describe("a body of application/x-ndjson", () => {
  test.each([
    ["one update a line", `${A1}\n${B2}\n`],
    ["a last line without a newline", `${A1}\n${B2}`],
    ["blank lines", `\n\n${A1}\n  \n\t\n${B2}\n\n`],
    ["CRLF", `${A1}\r\n\r\n${B2}\r\n`],
    ["a byte order mark", `\ufeff${A1}\n${B2}\n`],
    [
      "line separators of Unicode inside a string",
      `{"key":"A","set":{"p":1}}\n{"key":"B","set":{"p":2,"s":"\u2028\u2029\u0085"}}`,
    ],
  ])("may have %s", async (_, body) => {
    const feed = newFeed();
    const response = await post(feed, body, { "Content-Type": "application/x-ndjson" });
    expect(await response.json()).toMatchObject({ seq: 2, accepted: 2 });
    expect((await snapshot(feed)).entries).toMatchObject(BOTH);
  });
});

describe("headers of a publish", () => {
  test.each([
    "application/json; charset=utf-8",
    'Application/JSON;Charset="UTF-8"',
    "application/json;charset=utf8",
    "application/json; profile=x",
  ])("Content-Type may be %s", async (type) => {
    expect((await post(newFeed(), A1, { "Content-Type": type })).status).toBe(200);
  });

  test("Content-Encoding: gzip is read, for JSON", async () => {
    const feed = newFeed();
    const response = await post(feed, await gzip(`[${A1},${B2}]`), { "Content-Encoding": "gzip" });
    expect(await response.json()).toMatchObject({ seq: 2, accepted: 2 });
    expect((await snapshot(feed)).entries).toEqual(BOTH);
  });

  test("Content-Encoding: gzip is read, for NDJSON", async () => {
    const feed = newFeed();
    const headers = { "Content-Encoding": "GZIP", "Content-Type": "application/x-ndjson" };
    expect((await post(feed, await gzip(`${A1}\n${B2}`), headers)).status).toBe(200);
    expect((await snapshot(feed)).entries).toEqual(BOTH);
  });

  test("the receipt is not to be cached", async () => {
    expect((await post(newFeed(), A1)).headers.get("Cache-Control")).toBe("no-store");
  });
});

describe("a change", () => {
  test.each<[what: string, batches: object[][], entries: object]>([
    [
      "set replaces the whole value and keeps null members",
      [[{ key: "A", set: { p: 1, q: 2 } }], [{ key: "A", set: { r: null } }]],
      { A: { r: null } },
    ],
    [
      "[PUB6] patch creates an absent entry, without its null members",
      [[{ key: "A", patch: { p: 1, q: null, r: { s: null, t: 1 } } }]],
      { A: { p: 1, r: { t: 1 } } },
    ],
    [
      "[PUB6] patch after delete starts from nothing",
      [
        [{ key: "A", set: { old: 1 } }],
        [
          { key: "A", delete: true },
          { key: "A", patch: { p: 1 } },
        ],
      ],
      { A: { p: 1 } },
    ],
    ["[PUB5] delete of an absent key is accepted and changes no entry", [[{ key: "A", delete: true }]], {}],
  ])("%s", async (_, batches, entries) => {
    const feed = newFeed();
    for (const batch of batches) expect(await publish(feed, batch)).toMatchObject({ accepted: batch.length });
    expect((await snapshot(feed)).entries).toEqual(entries);
  });

  test.each([
    { key: "A", set: { price: 191.2, size: 300 } },
    { key: "A", patch: { price: 191.3, halted: null } },
    { key: "A", delete: true },
    { key: "A", set: {}, time: 1732096000123, version: 7, ttl: 3600 },
    { key: "A", patch: { p: 1 }, time: -1.5, version: -0.5, ttl: 0.5 },
    { key: "A", delete: true, time: 0, version: 0 },
    { key: "A", set: {}, version: 1e21, ttl: 315360000 },
  ])("[SUB4] reaches subscribers as it was published: %j", async (update) => {
    const feed = newFeed();
    const subscriber = await TestSubscriber.connect(feed, "?mode=all");
    await publish(feed, update);
    const { updates } = await subscriber.message("update");
    expect(updates).toEqual([update]);
  });

  test("numbers are doubles, and exact decimals survive as strings", async () => {
    const feed = newFeed();
    await post(
      feed,
      '{"key":"A","set":{"i":9007199254740993,"f":0.1,"e":1e-7,"z":-0.0,"big":1e300,"s":"0.10000000000000000001"}}',
    );
    const { A } = (await snapshot(feed)).entries;
    expect(A).toMatchObject({ i: 9007199254740992, f: 0.1, e: 1e-7, big: 1e300, s: "0.10000000000000000001" });
  });

  test("text of every plane comes back unchanged, as key and as value", async () => {
    const feed = newFeed();
    const text = 'é €  😀 "\\ / \u2028 \u{10ffff} \ufeff';
    await publish(feed, { key: text, set: { [text]: [text] } });
    expect((await snapshot(feed)).entries).toEqual({ [text]: { [text]: [text] } });
  });
});
