import type { Browser, Page } from "playwright-core";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { publish } from "./support/api.ts";
import { sharedChromium, openSocket, startForeignSite } from "./support/chromium.ts";
import type { Update } from "../../src/protocol/update.ts";
import { sharedWorkerd, sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
});
beforeEach(async () => {
  page = await browser.newPage();
});
afterEach(() => page.close());

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;
const set = (key: string, price: number): Update => ({ key, set: { price } });

describe("a browser's own WebSocket", () => {
  test("gets hello and the snapshot", async () => {
    await publish(feedUrl("own"), set("AAPL", 191.25));
    await page.goto(server.url);
    const frames = await openSocket(page, feedUrl("own"), 2);
    if (frames === "refused") expect.unreachable("the socket did not open");
    expect(frames.map((frame) => JSON.parse(frame))).toMatchObject([
      { type: "hello", feed: "own", seq: 1 },
      { type: "snapshot", reason: "initial", seq: 1, entries: { AAPL: { price: 191.25 } } },
    ]);
  });

  test("is refused to a page of another origin, while the server's own may open it", async () => {
    const closed = await sharedWorkerd();
    const url = `${closed.url}/v1/feeds/own`;
    const site = await startForeignSite();
    await page.goto(site.url);
    expect(await openSocket(page, url, 1)).toBe("refused");
    await page.close();
    site.close();
    page = await browser.newPage({ bypassCSP: true });
    await page.goto(closed.url);
    expect(await openSocket(page, url, 1)).toHaveLength(1);
    // A browser does not say why; the answer does.
    const socket = new WebSocket(url.replace(/^http/, "ws"), { origin: site.url.slice(0, -1) });
    const answer = await new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      socket.on("open", () => reject(new Error("the socket opened")));
      socket.on("error", reject);
      socket.on("unexpected-response", (_, response) => {
        let body = "";
        response.on("data", (data) => (body += data)).on("end", () => resolve({ status: response.statusCode, body }));
      });
    });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { code: "origin_not_allowed" }]);
  });
});
