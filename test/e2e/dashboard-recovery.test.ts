import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ADMIN_KEY, publish, snapshot } from "./support/api.ts";
import { networkOf, sharedChromium } from "./support/chromium.ts";
import { Dashboard } from "./support/dashboard.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import type { Update } from "../../src/protocol/update.ts";
import { Server } from "./support/server.ts";

const PUBLIC = new URL("../../public/", import.meta.url);
/** The file of the page that a URL stands for. */
const fileOf = ({ pathname }: URL): string =>
  fileURLToPath(new URL(`.${pathname === "/" ? "/index.html" : pathname}`, PUBLIC));

let server: Server;
let browser: Browser;
let proxy: TcpProxy;
let dashboard: Dashboard;

beforeAll(async () => {
  [server, browser] = await Promise.all([Server.start(), sharedChromium()]);
  proxy = await TcpProxy.start(Number(new URL(server.url).port));
  dashboard = await Dashboard.in(browser, proxy.url);
  // The Worker alone has no page, and is there again much sooner than one that wrangler runs.
  await dashboard.page.route(
    (url) => existsSync(fileOf(url)),
    (route) => route.fulfill({ path: fileOf(new URL(route.request().url())) }),
  );
});
afterAll(async () => {
  await dashboard.close();
  proxy.close();
  await server.dispose();
});

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;
const set = (key: string, price: number): Update => ({ key, set: { price } });

/** Checks that table and position are those of the server's snapshot, and that the page was not reloaded. */
async function agrees(feed: string): Promise<void> {
  const { epoch, seq, entries } = await snapshot(feedUrl(feed));
  await dashboard.says("#position", `${epoch}:${seq}`);
  const prices = Object.fromEntries(Object.entries(entries).map(([key, { price }]) => [key, price]));
  expect(await dashboard.prices()).toEqual(prices);
  expect(await dashboard.wasReloaded()).toBe(false);
  expect(dashboard.complaints).toEqual([]);
}

test("after a crash of the server the page says so, keeps what it has, and goes on by itself without a gap", async () => {
  const url = feedUrl("crash");
  await publish(url, [set("AAPL", 191.25), set("MSFT", 420.5)]);
  await dashboard.goto("?feed=crash");
  await dashboard.shows("MSFT", "420.50");

  const colour = (): Promise<string> => dashboard.cell("AAPL").evaluate((cell) => getComputedStyle(cell).color);
  const live = await colour();
  await server.kill();
  await until(async () => (await dashboard.page.locator("#state").textContent()) !== "Live", "the page to notice");
  await dashboard.says("#reason", /\w/);
  // Stale prices stay on screen, grey and with their age.
  await dashboard.is("stale");
  await dashboard.shows("AAPL", "191.25");
  await dashboard.says("#as-of", /^\d\d:\d\d:\d\d, \d+ s$/);
  expect(await colour()).not.toBe(live);

  await server.restart();
  await publish(url, [{ key: "AAPL", patch: { price: 180.25 } }, set("NVDA", 140.75), { key: "MSFT", delete: true }]);
  await dashboard.is("live");
  await dashboard.shows("AAPL", "180.25");
  await publish(url, set("AAPL", 181.5));
  await dashboard.shows("AAPL", "181.50");
  await dashboard.says("#connections", "2");
  await agrees("crash");
});

test("without a network the page says so, and catches up when there is one again", async () => {
  await publish(feedUrl("offline"), [set("A", 1), set("B", 2)]);
  await dashboard.goto("?feed=offline&show=A");
  await dashboard.shows("A", "1");
  const network = await networkOf(dashboard.page, proxy);
  await network.set(false);
  await dashboard.is("offline");
  await dashboard.says("#state", "Offline");
  await publish(feedUrl("offline"), [set("A", 2), set("A", 3), { key: "B", delete: true }, set("C", 4)]);
  await network.set(true);
  await dashboard.is("live");
  await dashboard.shows("A", "3");
  // The table needs only the last missed update. The chart shows all of them.
  await dashboard.says("#detail-note", "3 updates");
  await agrees("offline");
});

test("a hidden tab receives everything, and shows all of it in its first frame", async () => {
  await publish(feedUrl("hidden"), set("A", 0));
  await dashboard.goto("?feed=hidden");
  await dashboard.shows("A", "0");
  await hide(dashboard.page);
  for (let price = 1; price <= 50; price++) await publish(feedUrl("hidden"), set("A", price));
  await publish(feedUrl("hidden"), [set("B", 7), set("A", 51)]);
  const { seq } = await snapshot(feedUrl("hidden"));
  await dashboard.page.waitForTimeout(1500);
  // A hidden tab draws nothing.
  expect(await dashboard.prices()).toEqual({ A: 0 });
  await show(dashboard.page);
  await dashboard.shows("A", "51");
  await dashboard.says("#position", new RegExp(`:${seq}$`));
  // Old changes are not marked.
  expect(await dashboard.page.locator("[data-flash]").count()).toBe(0);
  await agrees("hidden");
});

test("after a reset the page shows the new entries", async () => {
  await publish(feedUrl("reset"), [set("A", 1), set("B", 2)]);
  await dashboard.goto("?feed=reset");
  await dashboard.shows("B", "2");
  const answer = await fetch(feedUrl("reset"), {
    method: "DELETE",
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
  });
  expect(answer.status).toBe(200);
  await dashboard.page.locator("#nothing-yet").waitFor();
  await publish(feedUrl("reset"), set("C", 3));
  await dashboard.shows("C", "3");
  await agrees("reset");
});

/** Hides the page as a browser does with a tab behind others: it says so, and has no more frames. A headless browser cannot. */
async function hide(page: Page): Promise<void> {
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    const waiting: FrameRequestCallback[] = [];
    const frame = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => waiting.push(callback);
    Object.assign(window, { waiting, frame });
    document.dispatchEvent(new Event("visibilitychange"));
  });
}

async function show(page: Page): Promise<void> {
  await page.evaluate(() => {
    Reflect.deleteProperty(document, "visibilityState");
    Reflect.deleteProperty(document, "hidden");
    window.requestAnimationFrame = Reflect.get(window, "frame");
    const waiting: FrameRequestCallback[] = Reflect.get(window, "waiting");
    for (const callback of waiting) requestAnimationFrame(callback);
    document.dispatchEvent(new Event("visibilitychange"));
  });
}
