import { member, same } from "../assertions.ts";
import { check } from "../check.ts";
import { refused } from "../wire.ts";

const BAD_UPDATES: readonly [what: string, update: unknown][] = [
  ["no key", { set: {} }],
  ["an empty key", { key: "", set: {} }],
  ["a key of 129 characters", { key: "x".repeat(129), set: {} }],
  ["a key with a control character", { key: "a\u0007", set: {} }],
  ["a key with an asterisk", { key: "a*", set: {} }],
  ["a key with a comma", { key: "a,b", set: {} }],
  ["no change", { key: "A" }],
  ["two changes", { key: "A", set: {}, delete: true }],
  ["delete: false", { key: "A", delete: false }],
  ["a value that is no object", { key: "A", set: [1] }],
  ["an unknown member", { key: "A", set: {}, sett: 1 }],
  ["a time that is no number", { key: "A", set: {}, time: "now" }],
  ["a version that is no number", { key: "A", set: {}, version: "1" }],
  ["a ttl of 0", { key: "A", set: {}, ttl: 0 }],
  ["null", null],
  ["an empty batch", []],
];

const BAD_BODIES: readonly [what: string, body: string, type: string, status: number, code: string][] = [
  ["no JSON", "{", "application/json", 400, "invalid_json"],
  ["nothing", "", "application/json", 400, "invalid_json"],
  ["a bad line", '{"key":"A","set":{}}\n{', "application/x-ndjson", 400, "invalid_json"],
  ["another type", "<a/>", "application/xml", 415, "unsupported_media_type"],
];

const BAD_QUERIES =
  "since=x since=abc:-1 hz=0 hz=61 hz=fast mode=some wait=31 wait=-1 keys= keys=a*b fields= fields=a,,b mode=all&mode=all".split(
    " ",
  );
const BAD_NAMES = ["Stocks", "-a", "a%20b", "x".repeat(65), "%C3%A4", "a*"];

export const REFUSALS = [
  check("publish", "what is no update is 422 invalid_update, and changes nothing", async (wire) => {
    const feed = wire.newFeed();
    for (const [what, update] of BAD_UPDATES) refused(what, await wire.post(feed, update), 422, "invalid_update");
    same("seq", member((await wire.read(feed)).json, "seq"), 0);
  }),
  check("publish", "what is no body is 400 invalid_json or 415 unsupported_media_type", async (wire) => {
    const feed = wire.newFeed();
    for (const [what, body, type, status, code] of BAD_BODIES)
      refused(what, await wire.post(feed, body, { "Content-Type": type }), status, code);
    same("seq", member((await wire.read(feed)).json, "seq"), 0);
  }),
  check("publish", "an Idempotency-Key has at most 128 characters", async (wire) => {
    const answer = await wire.post(wire.newFeed(), { key: "A", set: {} }, { "Idempotency-Key": "k".repeat(129) });
    refused("129", answer, 400, "invalid_query");
  }),
  check("nothing", "a bad query is 400 invalid_query; unknown parameters are no harm", async (wire) => {
    const feed = wire.newFeed();
    for (const query of BAD_QUERIES) refused(query, await wire.read(feed, `?${query}`), 400, "invalid_query");
    for (const query of ["", "?key=", "?key=A&limit=0", "?key=A&limit=1001", "?key=A&before=x"]) {
      refused(`history${query}`, await wire.call(`/v1/feeds/${feed}/history${query}`), 400, "invalid_query");
    }
    same("unknown", (await wire.read(feed, "?nothing=1")).status, 200);
  }),
  check("nothing", "a bad name of a feed is 400 invalid_feed", async (wire) => {
    await Promise.all(BAD_NAMES.map(async (name) => refused(name, await wire.read(name), 400, "invalid_feed")));
  }),
  check("nothing", "what is not there is 404, another method 405 with Allow", async (wire) => {
    for (const path of ["/v1/nothing", "/v1/feeds/a/b/c"]) refused(path, await wire.call(path), 404, "not_found");
    for (const path of ["/v1/feeds", `/v1/feeds/${wire.newFeed()}`, "/healthz"]) {
      const answer = await wire.call(path, { method: "PUT" });
      refused(path, answer, 405, "method_not_allowed");
      same(`Allow of ${path} names GET`, /\bGET\b/.test(answer.headers.get("Allow") ?? ""), true);
    }
  }),
];
