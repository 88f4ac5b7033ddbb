import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createFeedApp } from "../../src/http/app.ts";
import { deploymentOf } from "../../src/http/deployment.ts";
import { bearer, newFeed } from "../support/api.ts";
import { KEYS, posting } from "./credentials.ts";

const app = createFeedApp(deploymentOf);
const FEED = newFeed();

async function strict(url: string, init: RequestInit = {}): Promise<string | null> {
  const response = await app.request(url, init, { FEEDS: env.FEEDS, DIRECTORY: env.DIRECTORY, ...KEYS });
  response.webSocket?.accept();
  response.webSocket?.close();
  return response.headers.get("Strict-Transport-Security");
}

describe("a browser that comes over https is told to use nothing else", () => {
  test.each([
    ["/healthz", {}],
    ["/v1/feeds", {}],
    [`/v1/feeds/${FEED}`, {}],
    [`/v1/feeds/${FEED}`, { headers: { Accept: "text/event-stream" } }],
    [`/v1/feeds/${FEED}`, { headers: { Upgrade: "websocket" } }],
    [`/v1/feeds/${FEED}`, posting({ Origin: "https://feeds.test" })],
    [`/v1/feeds/${FEED}`, { method: "OPTIONS", headers: { "Access-Control-Request-Method": "POST" } }],
    [`/v1/feeds/${FEED}?since=nonsense`, {}],
    ["/nowhere", {}],
    ["/metrics", {}],
    ["/openapi.json", {}],
  ])("by %s %j", async (path, init) => {
    expect(await strict(`https://feeds.test${path}`, init)).toBe("max-age=31536000");
  });

  test("but not over http, on localhost, or if it is not a browser", async () => {
    expect(await strict(`http://feeds.test/v1/feeds/${FEED}`)).toBeNull();
    expect(await strict("https://localhost:8787/v1/feeds")).toBeNull();
    expect(await strict(`https://feeds.test/v1/feeds/${FEED}`, posting(bearer("new-publish")))).toBeNull();
  });
});
