import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { FeedObject } from "../../src/durable/feed-object.ts";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";
import { ADMIN_KEY, bearer, newFeed, post, publish, request } from "../support/api.ts";
import { problem } from "../support/http.ts";

const failing = (): never => {
  throw new TypeError("the secret name of a thing inside");
};

const METHODS = ["GET", "POST", "DELETE"];

describe("a feed's name", () => {
  test.each([
    ["upper case", "Stocks"],
    ["a leading dot", ".stocks"],
    ["a leading hyphen", "-stocks"],
    ["a leading underscore", "_stocks"],
    ["an encoded slash", "a%2Fb"],
    ["an encoded dot-dot", "%2e%2e%2fhealthz"],
    ["a space", "%20"],
    ["an encoded NUL", "a%00"],
    ["an encoded line break", "a%0a"],
    ["an umlaut", "%C3%A4"],
    ["a comma", "a,b"],
    ["an asterisk", "*"],
    ["a colon", "a:b"],
    ["a percent sign that encodes nothing", "a%zz"],
    ["bytes that are not UTF-8", "%ff"],
    ["65 characters", "x".repeat(65)],
  ])("may not have %s", async (_, name) => {
    for (const rest of ["", "/stats", "/history?key=A"]) {
      await problem(await request(`/v1/feeds/${name}${rest}`), "invalid_feed");
    }
    await problem(await post(name, { key: "A", set: {} }), "invalid_feed");
    const admin = { method: "DELETE", headers: bearer(ADMIN_KEY) };
    await problem(await request(`/v1/feeds/${name}`, admin), "invalid_feed");
    await problem(await request(`/v1/feeds/${name}`, { headers: { Upgrade: "websocket" } }), "invalid_feed");
  });

  test.each(METHODS)("may not be left out: %s", async (method) => {
    await problem(await request("/v1/feeds/", { method, headers: bearer(ADMIN_KEY) }), "not_found");
  });

  test.each(["a", "0", "a.b_c-d", "constructor", "x".repeat(64), "a..", "%61bc"])("may be %s", async (name) => {
    const response = await request(`/v1/feeds/${name}`);
    expect(await response.json()).toMatchObject({ feed: decodeURIComponent(name), seq: 0, entries: {} });
  });
});

describe("a path that is not served", () => {
  test.each([
    "/v1",
    "/v1/",
    "/v1/feed/x",
    "/v2/feeds/x",
    "/V1/feeds/x",
    "/v1/feeds/x/y/z",
    "/nothing",
    "/healthz/x",
    "/v1/feeds//x",
    "/v1/feeds/x/",
    "/v1/feeds/x//",
    "/v1/feeds/x/entries",
    "/v1/feeds/x/stats/",
    "/v1/feeds/x/history/A",
  ])("is not found: %s", async (path) => {
    for (const method of METHODS) await problem(await request(path, { method }), "not_found");
  });
});

describe("a method that is not allowed", () => {
  test.each<[path: string, method: string, allow: string]>([
    ["/healthz", "POST", "GET, HEAD"],
    ["/healthz", "OPTIONS", "GET, HEAD"],
    ["/v1/feeds", "POST", "GET, HEAD"],
    ["/v1/feeds", "DELETE", "GET, HEAD"],
    ["/v1/feeds/x", "PUT", "GET, HEAD, POST, DELETE"],
    ["/v1/feeds/x", "PATCH", "GET, HEAD, POST, DELETE"],
    ["/v1/feeds/x", "PROPFIND", "GET, HEAD, POST, DELETE"],
    ["/v1/feeds/x/stats", "POST", "GET, HEAD"],
    ["/v1/feeds/x/stats", "DELETE", "GET, HEAD"],
    ["/v1/feeds/x/history", "PUT", "GET, HEAD"],
    ["/v1/feeds/x/history", "DELETE", "GET, HEAD"],
  ])("%s %s names those that are", async (path, method, allow) => {
    const response = await request(path, { method });
    expect(response.headers.get("Allow")).toBe(allow);
    await problem(response, "method_not_allowed");
  });
});

describe("HEAD", () => {
  test.each(["/healthz", "/v1/feeds", "", "?keys=A", "/stats", "/history?key=A"])(
    "works where GET does: %s",
    async (rest) => {
      const feed = newFeed();
      await publish(feed, { key: "A", set: { p: 1 } });
      const path = rest.startsWith("/healthz") || rest.startsWith("/v1") ? rest : `/v1/feeds/${feed}${rest}`;
      const [head, get] = [await request(path, { method: "HEAD" }), await request(path)];
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
      for (const name of ["ETag", "Content-Type", "Cache-Control"])
        expect(head.headers.get(name)).toBe(get.headers.get(name));
      await get.text();
    },
  );

  test("has the status of the error that GET would get", async () => {
    const response = await request("/v1/feeds/BAD", { method: "HEAD" });
    expect(response.status).toBe(400);
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await response.text()).toBe("");
  });
});

describe("the server cannot take a request", () => {
  const bindings: FeedAppBindings = { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY, PUBLISH_KEY: "a-publish-key" };
  const unreachable = { getByName: failing };
  const app = createFeedApp<FeedAppBindings>((env) => ({
    ...deploymentOf(env),
    feeds: unreachable,
    directory: unreachable,
  }));

  test.each(["GET", "POST"])(
    "%s is refused with Retry-After, and without the details of the failure",
    async (method) => {
      const headers = { Authorization: "Bearer a-publish-key", "Content-Type": "application/json" };
      const init = method === "POST" ? { method, headers, body: '{"key":"A","set":{}}' } : { method, headers };
      const log = vi.spyOn(console, "error").mockImplementation(() => {});
      const response = await app.request("/v1/feeds/x", init, bindings);
      expect(log).toHaveBeenCalledOnce();
      log.mockRestore();
      expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
      const body = await problem(response, "overloaded");
      expect(JSON.stringify(body)).not.toMatch(/secret|inside/);
    },
  );
});

test("[READ11] the health check answers without a credential, also to pages of origins that are not allowed", async () => {
  const response = await request("/healthz", { headers: { Origin: "https://elsewhere.test" } });
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: "ok" });
});

test.each([{ MAX_SOCKETS: "many" }, { REPLICAS: "mars" }, { REPLICA_SOCKETS: "many" }, { REPLICA_WINDOW: "0" }])(
  "with a setting that is not understood, no feed is served, and the health check answers: %o",
  async (setting) => {
    const app = createFeedApp<FeedAppBindings>(deploymentOf);
    const answer = (path: string): Response | Promise<Response> => app.request(path, {}, { ...env, ...setting });
    const told = vi.spyOn(console, "error").mockReturnValue();
    expect((await answer("/healthz")).status).toBe(200);
    const feed = newFeed();
    await publish(feed, { key: "A", set: {} });
    expect((await answer(`/v1/feeds/${feed}`)).status).toBeGreaterThanOrEqual(500);
    told.mockRestore();
  },
);

test("[PUB12] a feed with all keys that it may have refuses new ones with 409, and its keys can still change", async () => {
  const feed = newFeed();
  await publish(feed, { key: "K0", set: {} });
  await runInDurableObject(env.FEEDS.getByName(feed), async (object: FeedObject) => {
    for (let from = 1; from < 100_000; from += 11_111) {
      const batch = Array.from({ length: 11_111 }, (_, i) => `{"key":"K${from + i}","set":{}}`);
      await object.acceptBatch(batch.join("\n"), `publisher ${from}`);
    }
  });
  await problem(
    await post(feed, [
      { key: "K0", set: { p: 1 } },
      { key: "ONE-MORE", set: {} },
    ]),
    "feed_full",
  );
  const stats = await (await request(`/v1/feeds/${feed}/stats`)).json();
  expect(stats).toMatchObject({ seq: 100_000, keys: 100_000 });
  await publish(feed, [
    { key: "K0", set: { p: 1 } },
    { key: "K1", delete: true },
    { key: "ONE-MORE", set: {} },
  ]);
  await problem(await post(feed, { key: "K1", set: {} }), "feed_full");
}, 30_000);
