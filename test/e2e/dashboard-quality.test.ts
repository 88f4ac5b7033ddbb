import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "./support/api.ts";
import { overflowOf, violationsIn } from "./support/axe.ts";
import { networkOf, sharedChromium } from "./support/chromium.ts";
import { Dashboard } from "./support/dashboard.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let proxy: TcpProxy;
let dashboard: Dashboard;
let price = 100;
const feed = (): string => `${server.url}/v1/feeds/wide`;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  proxy = await TcpProxy.start(server.port);
  // Else colours take a moment to change with the theme.
  dashboard = await Dashboard.in(browser, proxy.url, { reducedMotion: "reduce" });
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
afterAll(async () => {
  await dashboard.close();
  proxy.close();
});

/** By axe-core. A theme changes colours and nothing else: what is wrong with them is looked for in both. */
async function faults(): Promise<string[]> {
  const { page } = dashboard;
  await page.emulateMedia({ colorScheme: "dark" });
  const inDark = await violationsIn(page, ["color-contrast"]);
  await page.emulateMedia({ colorScheme: "light" });
  return [...(await violationsIn(page)), ...inDark];
}

describe("axe-core finds nothing wrong with", () => {
  test("the table, and a row that has just changed", async () => {
    await dashboard.goto("?feed=wide");
    await dashboard.shows("K1", "9.50");
    // A flash may be over before the test looks at it.
    const flashes = async (): Promise<boolean> => {
      await publish(feed(), { key: "K2", patch: { price: ++price } });
      await publish(feed(), { key: "K3", patch: { price: -price } });
      return (await dashboard.page.locator("[data-flash=up]").count()) > 0;
    };
    for (const colorScheme of ["light", "dark"] as const) {
      await dashboard.page.emulateMedia({ colorScheme });
      await until(flashes, "a row to flash", { every: 100 });
      expect(await violationsIn(dashboard.page)).toEqual([]);
    }
  });

  test("the detail, and the panels", async () => {
    await dashboard.goto("?feed=wide&show=K1");
    await dashboard.says("#detail-note", /\d updates?$/);
    await dashboard.page.locator("#detail-chart canvas").first().waitFor();
    expect(await faults()).toEqual([]);
    for (const button of ["#open-publish", "#open-snippets", "#open-feeds"]) {
      await dashboard.page.click(button);
      await dashboard.page.locator("dialog[open]").waitFor();
      expect(await faults(), button).toEqual([]);
      await dashboard.page.keyboard.press("Escape");
      await dashboard.page.locator("dialog[open]").waitFor({ state: "hidden" });
    }
  });

  test("a feed without entries, whose name is misspelt", async () => {
    await dashboard.goto("?feed=wied");
    await dashboard.page.locator("#near a", { hasText: /^wide$/ }).waitFor();
    expect(await faults()).toEqual([]);
  });

  test("stale prices, on a phone", async () => {
    await dashboard.page.setViewportSize({ width: 390, height: 844 });
    await dashboard.goto("?feed=wide");
    await dashboard.shows("K1", "9.50");
    const network = await networkOf(dashboard.page, proxy);
    await network.set(false);
    await dashboard.is("offline");
    expect(await faults()).toEqual([]);
    await network.set(true);
  });
});

test("at no width does anything make the page itself scroll sideways", async () => {
  const height = 844;
  await dashboard.goto("?feed=wide&show=K1");
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
  await dashboard.page.emulateMedia({ colorScheme: "dark" });
  await dashboard.goto("?feed=wide");
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
  await dashboard.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await dashboard.goto("?feed=wide&keys=K1");
  await dashboard.page.click("#open-snippets");
  await dashboard.page.getByRole("button", { name: "Copy: Browser, no library" }).click();
  await dashboard.says("[data-snippet=websocket] .copy", "Copied");
  const text = await dashboard.page.evaluate(() => navigator.clipboard.readText());
  expect(text).toContain(`new WebSocket("${proxy.url.replace("http", "ws")}/v1/feeds/wide?keys=K1")`);
  // It runs as pasted, but returns the first message.
  const run = `new Promise((resolve) => { ${text.replace("console.log(", "resolve(")} })`;
  const message = await dashboard.page.evaluate(run);
  expect(message).toMatchObject({ type: "hello", feed: "wide" });
});

test("nothing moves if the reader prefers reduced motion, and changes still show", async () => {
  await dashboard.goto("?feed=wide");
  const duration = await dashboard.cell("K1").evaluate((cell) => getComputedStyle(cell).transitionDuration);
  expect(duration).toBe("0s");
});
