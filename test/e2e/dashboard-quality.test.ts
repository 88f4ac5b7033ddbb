import type { Browser } from "playwright-core";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { publish } from "./support/api.ts";
import { overflowOf, violationsIn } from "./support/axe.ts";
import { sharedChromium } from "./support/chromium.ts";
import { Dashboard } from "./support/dashboard.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let dashboard: Dashboard;
let price = 100;
const feed = (): string => `${server.url}/v1/feeds/wide`;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  const updates = Array.from({ length: 60 }, (_, i) => ({
    key: `K${i}`,
    set: {
      name: `Entry number ${i}`,
      price: i / 4,
      size: i * 100,
      book: { bid: i, ask: i + 1 },
      note: "x".repeat(300),
    },
  }));
  await publish(feed(), updates);
  await publish(feed(), { key: "K1", patch: { price: 9.5 } });
});
afterEach(async () => {
  await dashboard.close();
});

describe.each(["light", "dark"] as const)("in %s, axe-core finds nothing wrong with", (colorScheme) => {
  const open = async (query: string, viewport?: { width: number; height: number }): Promise<void> => {
    dashboard = await Dashboard.open(browser, server.url, query, { colorScheme, ...(viewport && { viewport }) });
  };

  test("the table, and a row that has just changed", async () => {
    await open("?feed=wide");
    await dashboard.shows("K1", "9.50");
    // A flash may be over before the test looks at it.
    const flashes = async (): Promise<boolean> => {
      await publish(feed(), { key: "K2", patch: { price: ++price } });
      await publish(feed(), { key: "K3", patch: { price: -price } });
      return (await dashboard.page.locator("[data-flash=up]").count()) > 0;
    };
    await until(flashes, "a row to flash", { every: 100 });
    expect(await violationsIn(dashboard.page)).toEqual([]);
  });

  test("the detail", async () => {
    await open("?feed=wide&show=K1");
    await dashboard.says("#detail-note", /\d updates?$/);
    await dashboard.page.locator("#detail-chart canvas").first().waitFor();
    expect(await violationsIn(dashboard.page)).toEqual([]);
  });

  test("the panels", async () => {
    await open("?feed=wide");
    for (const button of ["#open-publish", "#open-snippets", "#open-feeds"]) {
      await dashboard.page.click(button);
      await dashboard.page.locator("dialog[open]").waitFor();
      expect(await violationsIn(dashboard.page), button).toEqual([]);
      await dashboard.page.keyboard.press("Escape");
      await dashboard.page.locator("dialog[open]").waitFor({ state: "hidden" });
    }
  });

  test("a feed without entries", async () => {
    await open("?feed=none");
    await dashboard.page.locator("#nothing-yet").waitFor();
    expect(await violationsIn(dashboard.page)).toEqual([]);
  });

  test("stale prices, on a phone", async () => {
    await open("?feed=wide", { width: 390, height: 844 });
    await dashboard.shows("K1", "9.50");
    await dashboard.context.setOffline(true);
    await dashboard.is("offline");
    expect(await violationsIn(dashboard.page)).toEqual([]);
  });
});

test("at no width does anything make the page itself scroll sideways", async () => {
  const height = 844;
  dashboard = await Dashboard.open(browser, server.url, "?feed=wide&show=K1", { viewport: { width: 360, height } });
  await dashboard.shows("K1", "9.50");
  for (const width of [360, 390, 768, 1024, 2560]) {
    await dashboard.page.setViewportSize({ width, height });
    expect(await overflowOf(dashboard.page), `${width}`).toBe(0);
    for (const button of ["#open-publish", "#open-snippets", "#open-feeds"]) {
      await dashboard.page.click(button);
      const panel = await dashboard.page.locator("dialog[open]").boundingBox();
      expect(panel?.width, `${width}`).toBeLessThanOrEqual(width);
      expect(await overflowOf(dashboard.page), `${width}`).toBe(0);
      await dashboard.page.keyboard.press("Escape");
      await dashboard.page.locator("dialog[open]").waitFor({ state: "hidden" });
    }
  }
  expect(dashboard.complaints).toEqual([]);
});

test("the theme is the system's, unless the reader chooses another, which is remembered", async () => {
  dashboard = await Dashboard.open(browser, server.url, "?feed=wide", { colorScheme: "dark" });
  const scheme = (): Promise<string> =>
    dashboard.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  const background = (): Promise<string> =>
    dashboard.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await dashboard.page.selectOption("#theme", "light");
  expect(await scheme()).toBe("light");
  expect(await background()).not.toBe(dark);
  await dashboard.goto("?feed=wide");
  expect(await scheme()).toBe("light");
  await dashboard.page.selectOption("#theme", "system");
  expect(await background()).toBe(dark);
});

test("code that is offered for pasting is copied, and works", async () => {
  dashboard = await Dashboard.open(browser, server.url, "?feed=wide&keys=K1", {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await dashboard.page.click("#open-snippets");
  await dashboard.page.getByRole("button", { name: "Copy: Browser, no library" }).click();
  await until(
    async () => (await dashboard.page.locator("[data-snippet=websocket] .copy").textContent()) === "Copied",
    "it to be copied",
  );
  const text = await dashboard.page.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain(`new WebSocket("${server.url.replace("http", "ws")}/v1/feeds/wide?keys=K1")`);
  // It runs as pasted, but returns the first message.
  const run = `new Promise((resolve) => { ${text.replace("console.log(", "resolve(")} })`;
  const message = await dashboard.page.evaluate(run);
  expect(message).toMatchObject({ type: "hello", feed: "wide" });
});

test("nothing moves if the reader prefers reduced motion, and changes still show", async () => {
  dashboard = await Dashboard.open(browser, server.url, "?feed=wide", { reducedMotion: "reduce" });
  const duration = await dashboard.cell("K1").evaluate((cell) => getComputedStyle(cell).transitionDuration);
  expect(duration).toBe("0s");
});
