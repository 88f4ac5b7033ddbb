import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";
import { bearer, newFeed, publish } from "../support/api.ts";
import { appWith } from "../support/app.ts";
import { problem } from "../support/http.ts";

const SAME = "https://feeds.test";
const LISTED = "https://board.example";
const FOREIGN = "https://evil.example";
const PUBLISH_KEY = "a-publish-key";
const SETTINGS = {
  "same origin only": appWith({ PUBLISH_KEY }),
  "two origins": appWith({ PUBLISH_KEY, ALLOWED_ORIGINS: `https://first.example, ${LISTED}` }),
  "any origin": appWith({ PUBLISH_KEY, ALLOWED_ORIGINS: "*" }),
};
const ALLOW = "Access-Control-Allow-Origin";

type Case = [allowed: keyof typeof SETTINGS, origin: string, ok: boolean];
const CASES: Case[] = [
  ["same origin only", SAME, true],
  ["same origin only", LISTED, false],
  ["same origin only", "null", false],
  ["same origin only", "http://feeds.test", false],
  ["same origin only", "https://feeds.test:8443", false],
  ["same origin only", "https://feeds.test.evil.example", false],
  ["two origins", SAME, true],
  ["two origins", LISTED, true],
  ["two origins", "https://first.example", true],
  ["two origins", FOREIGN, false],
  ["two origins", "http://board.example", false],
  ["two origins", "https://board.example.evil.example", false],
  ["two origins", "https://x.board.example", false],
  ["two origins", "null", false],
  ["any origin", FOREIGN, true],
  ["any origin", "null", true],
];

describe.each(CASES)("ALLOWED_ORIGINS of %s, a page of %s (allowed: %s)", (allowed, origin, ok) => {
  const app = SETTINGS[allowed];
  const allowHeader = expect.toSatisfy((value: string | null) =>
    ok ? value === origin || (value === "*" && allowed === "any origin") : value === null,
  );

  test("a preflight says so", async () => {
    const response = await app(`/v1/feeds/${newFeed()}`, {
      method: "OPTIONS",
      headers: {
        Origin: origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,content-encoding,idempotency-key",
      },
    });
    expect(response.ok).toBe(true);
    expect(response.headers.get(ALLOW)).toEqual(allowHeader);
    const list = (name: string): string[] => (response.headers.get(name) ?? "").toLowerCase().split(/\s*,\s*/);
    expect(list("Access-Control-Allow-Methods")).toEqual(expect.arrayContaining(["get", "head", "post", "delete"]));
    expect(list("Access-Control-Allow-Headers")).toEqual(
      expect.arrayContaining([
        "authorization",
        "content-type",
        "content-encoding",
        "idempotency-key",
        "if-none-match",
        "last-event-id",
      ]),
    );
  });

  test("answers say so, to GET, HEAD and POST", async () => {
    const feed = newFeed();
    const post = {
      method: "POST",
      headers: { Origin: origin, Authorization: "Bearer a-publish-key", "Content-Type": "application/json" },
      body: '{"key":"A","set":{}}',
    };
    for (const init of [post, { headers: { Origin: origin } }, { method: "HEAD", headers: { Origin: origin } }]) {
      const response = await app(`/v1/feeds/${feed}`, init);
      expect(response.status).toBe(200);
      expect(response.headers.get(ALLOW)).toEqual(allowHeader);
      expect(response.headers.get("Vary")?.toLowerCase()).toContain("origin");
    }
  });

  test("error answers say so too", async () => {
    const headers = { Origin: origin };
    const paths = ["/v1/feeds/BAD", "/v1/feeds/x?hz=x", "/v1/feeds/x/nothing", "/v1/feeds?limit=0"];
    const responses = paths.map((path) => app(path, { headers }));
    responses.push(app("/v1/feeds/x", { method: "PUT", headers }), app("/v1/feeds/x", { method: "POST", headers }));
    for (const response of await Promise.all(responses)) {
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.headers.get(ALLOW)).toEqual(allowHeader);
    }
  });

  test("[AUTH4] a WebSocket upgrade is taken or refused accordingly", async () => {
    const response = await app(`/v1/feeds/${newFeed()}`, { headers: { Origin: origin, Upgrade: "websocket" } });
    if (ok) expect(response.status).toBe(101);
    else await problem(response, "origin_not_allowed");
    response.webSocket?.accept();
    response.webSocket?.close();
  });
});

describe("a page that is allowed", () => {
  test("may see the headers that it needs", async () => {
    const response = await SETTINGS["two origins"](`/v1/feeds/${newFeed()}`, { headers: { Origin: LISTED } });
    const exposed = response.headers.get("Access-Control-Expose-Headers")?.toLowerCase();
    for (const name of ["etag", "idempotency-replayed", "retry-after"]) expect(exposed).toContain(name);
  });

  test("is named on 304 too", async () => {
    const feed = newFeed();
    const { epoch } = await publish(feed, { key: "A", set: {} });
    const headers = { Origin: LISTED, "If-None-Match": `"${epoch}:1"` };
    const response = await SETTINGS["two origins"](`/v1/feeds/${feed}`, { headers });
    expect(response.status).toBe(304);
    expect(response.headers.get(ALLOW)).toBe(LISTED);
  });
});

test("a client that is no page, and names no origin, is served whatever ALLOWED_ORIGINS says", async () => {
  for (const app of Object.values(SETTINGS)) {
    const response = await app(`/v1/feeds/${newFeed()}`, { headers: { Upgrade: "websocket" } });
    expect(response.status).toBe(101);
    response.webSocket!.accept();
    response.webSocket!.close();
  }
});

test.each(["GET", "HEAD", "OPTIONS"])(
  "%s without an origin is answered as one that differs by origin",
  async (method) => {
    for (const app of Object.values(SETTINGS)) {
      const response = await app(`/v1/feeds/${newFeed()}`, { method });
      expect(response.ok).toBe(true);
      expect(response.headers.get("Vary")?.toLowerCase()).toContain("origin");
      expect(response.headers.get(ALLOW)).toBeNull();
    }
  },
);

describe("an app that is mounted in another one under a base path", () => {
  const outer = new Hono<{ Bindings: FeedAppBindings }>();
  outer.get("/own", (c) => c.text("own"));
  outer.route("/live", createFeedApp<FeedAppBindings>(deploymentOf));
  const bindings: FeedAppBindings = { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY, PUBLISH_KEY };
  const send = async (path: string, init: RequestInit = {}): Promise<Response> =>
    outer.request(`${SAME}${path}`, init, bindings);

  test("publishes there, and leaves the outer app's own paths alone", async () => {
    const feed = newFeed();
    const headers = { ...bearer(PUBLISH_KEY), "Content-Type": "application/json" };
    const body = '{"key":"A","set":{"p":1}}';
    expect((await send(`/live/v1/feeds/${feed}`, { method: "POST", headers, body })).status).toBe(200);
    expect(await (await send(`/live/v1/feeds/${feed}`)).json()).toMatchObject({ feed, entries: { A: { p: 1 } } });
    expect(await (await send("/own")).text()).toBe("own");
    expect((await send("/v1/feeds")).status).toBe(404);
  });

  test("answers its errors as problems, with CORS headers", async () => {
    await problem(await send("/live/v1/feeds/BAD"), "invalid_feed");
    await problem(await send("/live/v1/feeds/x", { method: "PUT" }), "method_not_allowed");
    const response = await send("/live/v1/feeds/x", { method: "POST", headers: { Origin: SAME } });
    expect(response.headers.get(ALLOW)).toBe(SAME);
    await problem(response, "unauthorized");
  });
});
