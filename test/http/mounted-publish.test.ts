import { env } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { Hono } from "hono";
import { expect, test } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf, type FeedAppBindings } from "../../src/http/deployment.ts";
import { bearer, newFeed } from "../support/api.ts";

const KEY = "a-key-of-this-test";
const bindings: FeedAppBindings = {
  FEEDS: env.FEEDS,
  DIRECTORY: env.DIRECTORY,
  PUBLISH_KEY: KEY,
  FEED_NAMES: "feed*",
  ALLOWED_ORIGINS: "https://page.test",
};
const app = createFeedApp<FeedAppBindings>(deploymentOf);
const outer = new Hono<{ Bindings: FeedAppBindings }>().route("/", app);

const good = { ...bearer(KEY), "Content-Type": "application/json" };
const update = '{"key":"A","set":{"n":1}}';

test.each<[what: string, status: number, feed: string, headers: Record<string, string>, body: string]>([
  ["an update", 200, "feed", good, update],
  ["a query that means nothing", 200, "feed?x=1", good, update],
  ["a name that is written with a percent sign", 200, "%66eed", good, update],
  ["a page that is allowed", 200, "feed", { ...good, Origin: "https://page.test" }, update],
  ["a page that is not", 200, "feed", { ...good, Origin: "https://other.test" }, update],
  ["a name that is none", 400, "Feed", good, update],
  ["a name that is not served", 404, "other", good, update],
  ["no credential", 401, "feed", { "Content-Type": "application/json" }, update],
  ["a credential in the URL", 401, `feed?token=${KEY}`, { "Content-Type": "application/json" }, update],
  ["a wrong credential", 401, "feed", { ...good, ...bearer("a-wrong-key") }, update],
  ["another type", 415, "feed", { ...good, "Content-Type": "text/plain" }, update],
  ["what is no JSON", 400, "feed", good, "{"],
  ["a wrong update", 422, "feed", good, '{"key":"A","put":{}}'],
])("%s is answered the same by itself and mounted in another app", async (_, status, path, headers, body) => {
  const feed = newFeed();
  const url = `https://feeds.test/v1/feeds/${path.replace("eed", `eed.${feed}`)}`;
  const ways = [app, outer].map(async (way) => {
    const request = new Request(url, { method: "POST", headers, body });
    const response = await way.fetch(request, bindings, createExecutionContext());
    const { seq: _seq, epoch: _epoch, ...answer } = await response.json<Record<string, unknown>>();
    return { status: response.status, headers: Object.fromEntries(response.headers), answer };
  });
  const [alone, mounted] = await Promise.all(ways);
  expect(alone?.status).toBe(status);
  // The lengths of seq may differ.
  expect({ ...mounted, headers: { ...mounted?.headers, "content-length": "" } }).toEqual({
    ...alone,
    headers: { ...alone?.headers, "content-length": "" },
  });
});
