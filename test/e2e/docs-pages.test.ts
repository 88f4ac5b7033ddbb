// Functions that are handed to the page run there.
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { expectSound, overflowOf } from "./support/axe.ts";
import { complaintsOf, sharedChromium } from "./support/chromium.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  page = await browser.newPage();
  complaints = complaintsOf(page, server.url);
});
afterEach(() => {
  expect(complaints.splice(0)).toEqual([]);
});
afterAll(() => page.close());

async function open(path: string): Promise<void> {
  await page.goto(`${server.url}/docs/${path}`);
  await page.locator(".search").waitFor();
}

const pathname = (): string => new URL(page.url()).pathname;

test("every page is reached from the first one, and every link of every page leads somewhere", async () => {
  const seen = new Map<string, string>();
  const waiting = [`${server.url}/docs/`];
  for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
    const { pathname } = new URL(url);
    if (seen.has(pathname)) continue;
    const response = await fetch(url);
    expect(response.status, url).toBe(200);
    seen.set(pathname, response.headers.get("Content-Type") ?? "");
    if (!pathname.startsWith("/docs/") || pathname === "/docs/explorer/") continue;
    for (const [, href = ""] of (await response.text()).matchAll(/ (?:href|src)="([^"#]+)/g)) {
      const target = new URL(href, url);
      if (target.origin === new URL(server.url).origin) waiting.push(target.href);
    }
  }
  const pages = [...seen].filter(([path, type]) => path.startsWith("/docs/") && type.startsWith("text/html"));
  expect(pages.length).toBeGreaterThan(25);
  for (const path of ["/docs/publish", "/docs/spec", "/docs/decisions/", "/docs/decisions/no-compression"])
    expect(seen.keys()).toContain(path);
});

describe("the search box", () => {
  test("is reached with /, finds sections, and leads there with the keys", async () => {
    await open("decisions/no-compression");
    await page.keyboard.press("/");
    await page.keyboard.type("Last-Event-ID");
    await page.getByRole("status").getByText("found").waitFor();
    await page.keyboard.press("Escape");
    expect(await page.locator(".results").isVisible()).toBe(false);
    await page.keyboard.press("Control+A");
    await page.keyboard.type("repeat safely");
    const first = page.locator("#results a").first();
    await first.getByText("Publish: Repeat safely").waitFor();
    await page.keyboard.press("ArrowDown");
    expect(await first.evaluate((link) => link === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/docs/publish#repeat-safely");
    await page.getByRole("heading", { name: "Repeat safely" }).waitFor();
  });

  test("takes Enter before the index is there, and leads nowhere once it is empty", async () => {
    await open("watch");
    await page.route(
      "**/search.json",
      async (route) => {
        await page.keyboard.press("Enter");
        await route.continue();
      },
      { times: 1 },
    );
    await page.locator("#search").fill("repeat safely");
    await page.waitForURL("**/docs/publish#repeat-safely");
    await page.locator("#search").fill("token");
    await page.getByRole("status").getByText("found").waitFor();
    await page.locator("#search").fill("");
    await page.keyboard.press("Enter");
    expect(await page.locator("#results a").count()).toBe(0);
    expect(pathname()).toBe("/docs/publish");
  });

  test("says so if nothing is found, and if the index cannot be loaded", async () => {
    await open("watch");
    await page.keyboard.press("/");
    await page.keyboard.type("xyzzyplugh");
    await page.getByText("Nothing found").waitFor();
    await page.reload();
    await page.route("**/search.json", (route) => route.fulfill({ status: 503, body: "" }));
    await page.locator("#search").fill("publish");
    await page.getByText("could not be loaded").waitFor();
    await page.unrouteAll();
    expect(complaints.splice(0)).toEqual([expect.stringContaining("503")]);
  });
});

test("a rule of the specification has an address of its own", async () => {
  await open("spec#IDEM4");
  const top = await page.locator("#IDEM4").evaluate((rule) => rule.getBoundingClientRect().top);
  expect(top).toBeGreaterThan(0);
  expect(top).toBeLessThan(500);
});

test("the pages follow each other, and the theme is the one that the dashboard has stored", async () => {
  await open("");
  await page.evaluate(() => localStorage.setItem("tickertape.theme", "dark"));
  await page.getByRole("link", { name: "Next: Publish" }).click();
  await page.waitForURL("**/docs/publish");
  expect(pathname()).toBe("/docs/publish");
  const theme = (): Promise<string | undefined> => page.evaluate(() => document.documentElement.dataset["theme"]);
  expect(await theme()).toBe("dark");
  await page.goto(`${server.url}/docs/explorer/`);
  expect(await theme()).toBe("dark");
  await page.evaluate(() => localStorage.clear());
});

test("nothing scrolls sideways on a small phone, the results of a search included", async () => {
  await page.setViewportSize({ width: 320, height: 640 });
  await open("");
  await page.locator("#search").fill("socket");
  await page.locator("#results a").first().waitFor();
  expect(await overflowOf(page)).toBe(0);
  const links = await page
    .locator(".contents a")
    .evaluateAll((all) => all.map((link) => (link as HTMLAnchorElement).href));
  expect(links.length).toBeGreaterThan(25);
  // All pages have one head, so each is laid out where the first one was. Their own policy would let no script do that.
  const bare = await browser.newPage({ bypassCSP: true, viewport: page.viewportSize() });
  await bare.goto(page.url());
  const wide = await bare.evaluate(async (links) => {
    const found: string[] = [];
    for (const link of links) {
      const html = await (await fetch(link)).text();
      history.replaceState(null, "", link);
      document.body.replaceWith(new DOMParser().parseFromString(html, "text/html").body);
      await Promise.all(Array.from(document.images, (image) => image.decode()));
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) found.push(link);
    }
    return found;
  }, links);
  expect(wide).toEqual([]);
  await bare.close();
});

test.each(["settings", "architecture", "benchmark-results"])(
  "axe-core finds nothing wrong with the page %s, and nothing scrolls sideways",
  async (name) => {
    await open(name);
    await expectSound(page);
  },
);
