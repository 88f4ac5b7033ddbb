import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";
import { newFeed } from "../support/api.ts";
import type { Schema } from "./references.ts";
import { operations } from "./served.ts";

const app = createFeedApp<FeedAppBindings>(deploymentOf);
const outer = new Hono<{ Bindings: FeedAppBindings }>().route("/", app).route("/live", app).route("/deep/er", app);
const bindings: FeedAppBindings = { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY };

const get = async (url: URL, init: RequestInit = {}): Promise<Response> => outer.request(url, init, bindings);
const read = async (path: string): Promise<Schema> => (await get(new URL(path, "https://feeds.test"))).json();

test.each([
  ["", "/"],
  ["/live", "/live"],
  ["/deep/er", "/deep/er"],
])("mounted under '%s' the documents say so, and what they name is there", async (base, server) => {
  const openapi = await read(`${base}/openapi.json`);
  expect(openapi["servers"]).toEqual([{ url: server }]);
  const at = new URL(`${server}/`.replace("//", "/"), "https://feeds.test/");
  for (const { path, method } of operations.filter(({ method }) => method === "get" || method === "options")) {
    const place = path.replace("{feed}", newFeed()).slice(1);
    const response = await get(new URL(place, at), { method: method.toUpperCase() });
    // At most it is refused because something is missing.
    expect([200, 204, 400, 401], `${method} ${path}`).toContain(response.status);
    await response.body?.cancel();
  }
  const { channels } = (await read(`${base}/asyncapi.json`)) as { channels: Record<string, { address: string }> };
  for (const { address } of Object.values(channels)) {
    const upgrade = { headers: { Upgrade: "websocket" } };
    const response = await get(new URL(address.replace("{feed}", newFeed()), at), upgrade);
    expect(response.status).toBe(101);
    response.webSocket!.accept();
    response.webSocket!.close();
  }
});

test("a cached document of one path is not taken for that of another path", async () => {
  const tags = new Set<string | null>();
  for (const base of ["/live", "", "/live", "/deep/er"]) {
    const response = await get(new URL(`https://feeds.test${base}/openapi.json`));
    tags.add(response.headers.get("ETag"));
    await response.text();
  }
  expect(tags.size).toBe(3);
  const [known] = tags;
  const again = (base: string): Promise<Response> =>
    get(new URL(`https://feeds.test${base}/openapi.json`), { headers: { "If-None-Match": known! } });
  expect([(await again("/live")).status, (await again("/deep/er")).status]).toEqual([304, 200]);
});
