// Functions that are handed to the page run there.
/// <reference lib="dom" />
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { publish, statsOf } from "./support/api.ts";
import { expectSound } from "./support/axe.ts";
import { complaintsOf, networkOf, sharedChromium, startForeignSite } from "./support/chromium.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";

let server: SharedServer;
let proxy: TcpProxy;
let browser: Browser;
let site: { url: string; close: () => void };
let page: Page;
let complaints: string[];
let sockets: string[];

const feed = (): string => `${server.url}/v1/feeds/elements`;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  proxy = await TcpProxy.start(server.port);
  // As strict as a page can be.
  const policy = `default-src 'none'; script-src ${proxy.url}; connect-src ${proxy.url} ${proxy.url.replace("http", "ws")}; require-trusted-types-for 'script'; trusted-types 'none'`;
  site = await startForeignSite(
    `<html lang="en"><meta http-equiv="Content-Security-Policy" content="${policy}"><meta name="viewport" content="width=device-width">
    <script type="module" src="${proxy.url}/assets/tickertape.elements.js"></script><main><h1>Prices</h1></main>`,
  );
  page = await browser.newPage();
  complaints = complaintsOf(page, site.url, proxy.url);
  page.on("websocket", (socket) => sockets.push(new URL(socket.url()).pathname));
});
beforeEach(async () => {
  sockets = [];
  await page.goto(site.url);
  const keys = ["MSFT", "AAPL", "META", "GOOG"];
  await publish(feed(), [
    ...keys.map((key) => ({ key, set: { last: 100, name: `${key} Inc.` } })),
    { key: "gone", delete: true },
  ]);
});
afterAll(async () => {
  await page.close();
  site.close();
  proxy.close();
});

/** Puts an element into the page. `id` is its first attribute. */
async function put(tag: "ticker-value" | "ticker-tape", id: string, attributes: Record<string, string>): Promise<void> {
  await page.evaluate(
    ([tag, attributes]) => {
      const element = document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      document.querySelector("main")?.append(element, " ");
    },
    [tag, { id, ...attributes }] as const,
  );
}

const value = (key: string, field = "last", more: Record<string, string> = {}): Promise<void> =>
  put("ticker-value", key, { feed: "elements", key, field, ...more });

/** Waits until all that an element says is this: value, mark, and what is for screen readers. The page itself looks. */
async function says(id: string, wanted: RegExp | string): Promise<void> {
  const pattern = typeof wanted === "string" ? `^${wanted.replace(/[$.]/g, "\\$&")}$` : wanted.source;
  await page
    .waitForFunction(
      ([id, pattern]) => new RegExp(pattern).test(document.getElementById(id)?.shadowRoot?.textContent?.trim() ?? ""),
      [id, pattern] as const,
      { polling: 20 },
    )
    .catch(async (cause: unknown) => {
      const said = await page.evaluate((id) => document.getElementById(id)?.shadowRoot?.textContent, id);
      throw new Error(`waited in vain for ${pattern}; it says ${said}`, { cause });
    });
}

const tapeItems = (): Promise<string[]> => page.locator("#tape ul").first().locator("li").allTextContents();

test("elements show their values and how these move, over one connection for all of a feed", async () => {
  await value("AAPL", "last", { digits: "2" });
  await value("MSFT", "last", { format: "USD" });
  await value("META", "name");
  await put("ticker-tape", "tape", { feed: "elements", field: "last", keys: "MSFT,A*" });
  await Promise.all([says("AAPL", "100.00"), says("MSFT", "$100.00"), says("META", "META Inc.")]);
  await page.getByRole("listitem").first().waitFor();
  await publish(feed(), [
    { key: "AAPL", patch: { last: 101.5 } },
    { key: "MSFT", patch: { last: 99 } },
  ]);
  await Promise.all([says("AAPL", "101.50\u00a0▲"), says("MSFT", "$99.00\u00a0▼")]);
  expect(await page.getByRole("img", { name: "up" }).count()).toBe(2);
  expect(await tapeItems()).toEqual(["MSFT 99\u00a0▼", "AAPL 101.5\u00a0▲"]);
  expect(sockets).toEqual(["/v1/feeds/elements"]);
  expect((await statsOf(feed())).subscribers).toBe(1);

  // Attributes may change at any time.
  await page.evaluate(() => document.getElementById("AAPL")?.setAttribute("key", "GOOG"));
  await says("AAPL", "100.00");
  await page.evaluate(() => document.getElementById("AAPL")?.setAttribute("field", "name"));
  await says("AAPL", "GOOG Inc.");
  // An element that is moved stays connected, and one that is removed is not.
  await page.evaluate(() => document.querySelector("main")?.prepend(...document.querySelectorAll("ticker-value")));
  await publish(feed(), { key: "MSFT", patch: { last: 98 } });
  await says("MSFT", "$98.00\u00a0▼");
  expect(sockets).toHaveLength(1);
  await page.evaluate(() => document.querySelector("main")?.replaceChildren());
  await until(async () => (await statsOf(feed())).subscribers === 0, "the connection to be closed");
  expect(complaints).toEqual([]);
});

test("what is missing or wrong is said in the place of the value", async () => {
  await put("ticker-value", "none", { key: "AAPL", field: "last" });
  await value("gone");
  await put("ticker-value", "field", { feed: "elements", key: "AAPL", field: "lst" });
  await put("ticker-value", "format", { feed: "elements", key: "AAPL", field: "last", format: "percnt" });
  await put("ticker-value", "proto", { feed: "elements", key: "AAPL", field: "constructor" });
  await put("ticker-value", "refused", { feed: "elements", key: "AAPL", field: "last", token: "wrong" });
  await put("ticker-tape", "tape", { feed: "elements", field: "lst" });
  await put("ticker-tape", "empty", { feed: "elements", field: "last", keys: "nothing*" });
  await says("none", "feed is missing");
  await says("gone", "– no gone");
  await says("field", "no field lst");
  await says("format", /percnt/);
  await says("proto", "no field constructor");
  await says("refused", /^Not live: .*\(401\)$/);
  await says("tape", /^no field lst/);
  await says("empty", /^no entries/);
  complaints.length = 0;
});

test("a value that is not live looks so, and says why and since when, until it is live again", async () => {
  await value("AAPL");
  await put("ticker-tape", "tape", { feed: "elements", field: "last" });
  await Promise.all([says("AAPL", "100"), page.getByRole("listitem").first().waitFor()]);
  const network = await networkOf(page, proxy);
  await network.set(false);
  await says("AAPL", /^100 Not live since .+: .+/);
  const text = page.locator("#AAPL .doubtful");
  expect(await text.getAttribute("title")).toMatch(/^Not live since .+: .+/);
  expect(await text.evaluate((element) => getComputedStyle(element).textDecorationLine)).toBe("underline");
  await page.getByRole("status").getByText("Not live since").waitFor();
  await expectSound(page);
  await publish(feed(), { key: "AAPL", patch: { last: 102 } });
  await network.set(true);
  await says("AAPL", "102\u00a0▲");
  expect(await page.locator("#AAPL .doubtful").count()).toBe(0);
  complaints.length = 0;
});

/** How many pixels of the tape have passed. */
const passed = (): Promise<number> =>
  page.locator("#tape .window").evaluate((strip) => {
    const [left, start] = [strip, strip.querySelector("ul")].map((box) => box?.getBoundingClientRect().left ?? NaN);
    return (left ?? NaN) - (start ?? NaN);
  });
/** Whether it moves by itself. */
const runs = (): Promise<boolean> =>
  page
    .locator("#tape .track")
    .evaluate((track) => track.getAnimations().some(({ playState }) => playState === "running"));

test("the tape runs, and stands still under the pointer, with the focus in it, and where nothing is to move", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await put("ticker-tape", "tape", { feed: "elements", field: "last", label: "Prices of today" });
  const strip = page.getByRole("group", { name: "Prices of today" });
  await until(runs, "the tape to run");
  const [before, width] = [await passed(), await strip.evaluate(({ scrollWidth }) => scrollWidth / 2)];
  await until(async () => (await passed()) > before + 1, "it to move");
  // Its second half goes on where the first one ends.
  const [first, second] = await page
    .locator("#tape ul")
    .evaluateAll((lists) => lists.map((list) => list.getBoundingClientRect()));
  expect(second?.x).toBeCloseTo(first?.right ?? NaN, 0);
  expect(second?.width).toBeCloseTo(first?.width ?? NaN, 0);
  expect(width).toBeGreaterThan(380);

  await strip.hover();
  expect(await runs()).toBe(false);
  await page.mouse.move(0, 700);
  expect(await runs()).toBe(true);
  // By keyboard: the strip, which the arrow keys then move, and the button.
  await page.keyboard.press("Tab");
  expect(await runs()).toBe(false);
  await page.keyboard.press("Tab");
  expect(await runs()).toBe(true);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Pause", pressed: true }).waitFor();
  expect(await runs()).toBe(false);
  await page.keyboard.press("Enter");
  expect(await runs()).toBe(true);
  await expectSound(page);

  const told = await page.getByRole("status").textContent();
  await publish(feed(), { key: "AAPL", patch: { last: 103 } });
  await until(async () => (await tapeItems()).includes("AAPL 103\u00a0▲"), "the change");
  expect(await page.getByRole("status").allTextContents()).toEqual([told]);

  await page.emulateMedia({ reducedMotion: "reduce" });
  await until(async () => !(await runs()), "it to stand");
  expect(await passed()).toBe(0);
  expect(await page.locator("#tape li:visible").count()).toBe(4);
  await page.setViewportSize({ width: 200, height: 800 });
  await strip.focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await until(async () => (await passed()) > 20, "it to be scrolled by hand");
  await page.emulateMedia({ reducedMotion: null });
  expect(complaints).toEqual([]);
});
