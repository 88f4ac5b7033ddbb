import type { Browser, Page, WebSocket } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_KEY, publish, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { sharedChromium } from "./support/chromium.ts";
import { Dashboard } from "./support/dashboard.ts";
import { until } from "./support/until.ts";
import type { Update } from "../../src/protocol/update.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let dashboard: Dashboard;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  dashboard = await Dashboard.in(browser, server.url);
});
afterEach(() => {
  expect(dashboard.complaints.splice(0)).toEqual([]);
});
afterAll(() => dashboard.close());

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;
const set = (key: string, price: number, name = ""): Update => ({ key, set: { name, price } });

/** Everything that a page may store. */
function kept(page: Page): Promise<string> {
  return page.evaluate(() =>
    JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]),
  );
}

describe("the table", () => {
  test("shows a price as soon as it is published, and each change of it", async () => {
    await publish(feedUrl("prices"), [set("AAPL", 191.25), set("MSFT", 420.5)]);
    await dashboard.goto("?feed=prices");
    await dashboard.shows("AAPL", "191.25");
    await publish(feedUrl("prices"), { key: "AAPL", patch: { price: 191.75 } });
    await dashboard.shows("AAPL", "191.75");
    // The direction is not shown by colour alone, but as a mark too. A mark may be over before the test looks at it.
    let price = 191.75;
    const flashes = async (): Promise<boolean> => {
      await publish(feedUrl("prices"), { key: "AAPL", patch: { price: ++price } });
      return (await dashboard.cell("AAPL").getAttribute("data-flash")) === "up";
    };
    await until(flashes, "a mark that the price went up", { every: 100 });
    await publish(feedUrl("prices"), [set("NVDA", 140.25), { key: "MSFT", delete: true }]);
    await dashboard.shows("NVDA", "140.25");
    await dashboard.row("MSFT").waitFor({ state: "detached" });
    const { epoch, seq } = await snapshot(feedUrl("prices"));
    await dashboard.says("#position", `${epoch}:${seq}`);
    await dashboard.says("#count", "2");
  });

  test("shows hostile keys and values as text", async () => {
    const hostile = `<img src=x onerror="document.title='taken'">`;
    const key = hostile.replaceAll('"', "'");
    await dashboard.goto("?feed=hostile");
    const value = { price: hostile, [hostile]: 1, ["__proto__"]: { x: hostile } };
    await publish(feedUrl("hostile"), { key, set: value });
    await dashboard.shows(key, hostile);
    // After a reload the same entries come as a snapshot. The detail, the snippets and the list show them too.
    await dashboard.goto(`?feed=hostile&show=${encodeURIComponent(key)}`);
    await dashboard.shows(key, hostile);
    await dashboard.says("#detail-key", key);
    await dashboard.says("#detail-fields", new RegExp("img src=x onerror"));
    await dashboard.page.click("#open-snippets");
    expect(await dashboard.page.locator("img").count()).toBe(0);
    expect(await dashboard.page.title()).toBe("hostile · Tickertape");
  });

  test("has only the rows in view, and tells screen readers how many there are", async () => {
    const updates = Array.from({ length: 1000 }, (_, i) => set(`K${String(i).padStart(4, "0")}`, i));
    await publish(feedUrl("many"), updates);
    await dashboard.goto("?feed=many");
    await dashboard.shows("K0000", "0");
    expect((await dashboard.keys()).length).toBeLessThan(60);
    expect(await dashboard.page.locator("#entries").getAttribute("aria-rowcount")).toBe("1001");
    await dashboard.page.locator("#entries").focus();
    await dashboard.page.keyboard.press("End");
    await dashboard.shows("K0999", "999");
    expect(await dashboard.row("K0999").getAttribute("aria-rowindex")).toBe("1001");
    expect((await dashboard.keys()).length).toBeLessThan(60);
    // The order in the document is the same, because screen readers follow it.
    const keys = await dashboard.keys();
    expect(keys).toEqual(keys.toSorted((a, b) => a.localeCompare(b)));
  });

  test("asks only for the columns that it shows if there are more, and the detail has everything", async () => {
    const wide = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`f${i}`, i]));
    await publish(feedUrl("seventy-members"), [
      { key: "A", set: wide },
      { key: "B", set: { f69: 1 } },
    ]);
    const sent: string[] = [];
    // Any of them: the page before may connect once more, and this one may try twice.
    const listen = (socket: WebSocket): unknown => socket.on("framesent", ({ payload }) => sent.push(String(payload)));
    dashboard.page.on("websocket", listen);
    await dashboard.goto("?feed=seventy-members");
    await until(() => sent.some((frame) => frame.includes('"f63"') && !frame.includes('"f64"')), "fewer fields");
    dashboard.page.off("websocket", listen);
    await dashboard.shows("A", "5", "f5");
    await publish(feedUrl("seventy-members"), { key: "A", patch: { f5: 6 } });
    await dashboard.shows("A", "6", "f5");
    await dashboard.row("A").click();
    await dashboard.says("#detail-fields", /f69\s*69/);
    await publish(feedUrl("seventy-members"), { key: "A", patch: { f69: 70 } });
    await dashboard.says("#detail-fields", /f69\s*70/);
  });

  test("is sorted by a column, filtered by text, and keeps the place of rows for a moment while values change", async () => {
    const url = feedUrl("sorted");
    await publish(url, [set("A", 3, "apple"), set("B", 1, "pear"), set("C", 2, "pineapple")]);
    await dashboard.goto("?feed=sorted");
    await dashboard.shows("A", "3");
    const byPrice = dashboard.page.getByRole("button", { name: "price", exact: true });
    await byPrice.click();
    await dashboard.lists("A", "C", "B");
    expect(await dashboard.page.locator("th[data-column=price]").getAttribute("aria-sort")).toBe("descending");
    await byPrice.click();
    await dashboard.lists("B", "C", "A");
    await publish(url, { key: "B", patch: { price: 9, bid: 8 } });
    await dashboard.lists("C", "A", "B");
    // Another field comes first, so all headers are made again.
    await dashboard.page.selectOption("#trend-field", "bid");
    await dashboard.page.locator("th[data-column=bid] ~ th[data-column=price][aria-sort=ascending]").waitFor();
    await dashboard.page.keyboard.press("/");
    await dashboard.page.keyboard.type("apple");
    await dashboard.lists("C", "A");
    await dashboard.says("#count", "2 of 3");
    await dashboard.page.fill("#filter", "nobody");
    await dashboard.says("#nothing-found", /No entry matches “nobody”/);
    await dashboard.page.click("#unfilter");
    await dashboard.says("#count", "3");
  });
});

test("the keyboard moves through the rows, opens a detail and closes it again", async () => {
  await publish(feedUrl("keys"), [set("A", 1), set("B", 2), set("C", 3)]);
  await publish(feedUrl("keys"), { key: "B", patch: { price: 2.5 } });
  await dashboard.goto("?feed=keys");
  const { page } = dashboard;
  await dashboard.shows("A", "1.0");
  await page.keyboard.press("/");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.locator('tr[data-key="B"][aria-selected=true]').waitFor();
  const active = await page.locator("#entries").getAttribute("aria-activedescendant");
  expect(active).toBe(await dashboard.row("B").getAttribute("id"));
  await page.keyboard.press("Enter");
  await dashboard.says("#detail-key", "B");
  // First from its history, then live.
  await dashboard.says("#detail-note", "2 updates");
  await publish(feedUrl("keys"), { key: "B", patch: { price: 4 } });
  await dashboard.says("#detail-value", "4.0");
  await dashboard.says("#detail-note", "3 updates");
  expect(new URL(page.url()).searchParams.get("show")).toBe("B");
  await page.keyboard.press("Escape");
  await page.locator("#detail").waitFor({ state: "hidden" });
  expect(new URL(page.url()).searchParams.get("show")).toBeNull();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("entries");
});
test("the URL says which keys are shown, and another selection changes both", async () => {
  await publish(feedUrl("chosen"), [set("A", 1), set("B", 2), set("t.x", 3)]);
  await dashboard.goto("?feed=chosen&keys=A,t.*&hz=10");
  await dashboard.shows("A", "1");
  expect(await dashboard.keys()).toEqual(["A", "t.x"]);
  await dashboard.page.click("#open-feeds");
  await dashboard.page.locator("tr[data-feed=chosen]").waitFor();
  await dashboard.page.fill("#select-keys", "B");
  await dashboard.page.keyboard.press("Enter");
  await dashboard.shows("B", "2");
  expect(await dashboard.keys()).toEqual(["B"]);
  expect(new URL(dashboard.page.url()).searchParams.get("keys")).toBe("B");
});
test("a URL without a valid feed is reported, and the reader can choose another feed", async () => {
  await publish(feedUrl("there"), set("A", 1));
  await dashboard.goto("?feed=No_Such_Feed", "closed");
  await dashboard.says("#reason", /“No_Such_Feed” is not a feed's name/);
  await dashboard.page.getByRole("link", { name: "there", exact: true }).click();
  await dashboard.is("live");
  await dashboard.shows("A", "1");
});
test("a feed that is not public asks for a credential, which stays in the page's memory", async () => {
  await publish(feedUrl("private"), set("A", 1));
  // Answers as a server that wants a credential. The real server gets the request when the page has one.
  let refusing = true;
  // A page of its own: such a route cannot be taken away.
  const refused = await Dashboard.in(browser, server.url);
  const { page } = refused;
  await page.routeWebSocket(/private/, (socket) => {
    if (refusing) void socket.close({ code: 4401, reason: "a credential is needed" });
    else socket.connectToServer();
  });
  await refused.goto("?feed=private", "closed");
  await refused.says("#reason", /credential/);
  refusing = false;
  await page.fill("#credential", ADMIN_KEY);
  await page.keyboard.press("Enter");
  await refused.is("live");
  await refused.shows("A", "1");
  expect(await page.locator("#credential-form").isVisible()).toBe(false);
  expect(await page.locator("#credential").inputValue()).toBe("");
  // HTTP requests use the credential too.
  const listed = page.waitForRequest(/\/v1\/feeds$/);
  await page.click("#open-feeds");
  expect(await (await listed).headerValue("Authorization")).toBe(`Bearer ${ADMIN_KEY}`);
  expect(page.url()).not.toContain(ADMIN_KEY);
  expect(await kept(page)).not.toContain(ADMIN_KEY);
  await page.reload();
  expect(await page.locator("#credential").inputValue()).toBe("");
  await refused.close();
});
describe("publishing by hand", () => {
  test("[I1] an update whose answer was lost is not published twice when it is sent again", async () => {
    await publish(feedUrl("again"), set("A", 1));
    await dashboard.goto("?feed=again");
    const { page } = dashboard;
    await page.click("#open-publish");
    await page.fill("#publish-credential", PUBLISH_KEY);
    await page.fill("#publish-key", "A");
    await page.fill("#publish-value", '{"price":2.5}');
    let posts = 0;
    await page.route(feedUrl("again"), async (route) => {
      const isLost = route.request().method() === "POST" && ++posts === 1;
      if (!isLost) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /may have been published/);
    await dashboard.shows("A", "2.5");
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /durable at \w+:2/);
    // The same text, published again, is another update.
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /durable at \w+:3/);
    expect(posts).toBe(3);
    await page.unrouteAll();
  });

  test("shows the receipt or what is wrong and where, and forgets the key when it is closed", async () => {
    await publish(feedUrl("hand"), set("A", 1));
    await dashboard.goto("?feed=hand");
    await dashboard.shows("A", "1");
    const { page } = dashboard;
    await page.click("#open-publish");
    const credential = page.locator("#publish-credential");
    expect(await credential.getAttribute("autocomplete")).toBe("off");
    await credential.fill("not-the-key");
    await page.fill("#publish-key", "A");
    await page.fill("#publish-value", '{"price":2.5}');
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /401/);
    await credential.fill(PUBLISH_KEY);
    await page.fill("#publish-value", '{"price":1e999}');
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /422.*patch\.price is a number too large/);
    await page.fill("#publish-value", '{"price":2.5}');
    await page.click("#publish-send");
    await dashboard.says("#publish-result", /durable at \w+:2/);
    await page.keyboard.press("Escape");
    await page.locator("#publish").waitFor({ state: "hidden" });
    await dashboard.shows("A", "2.5");
    await until(async () => (await credential.inputValue()) === "", "the key to be forgotten");
    expect(await kept(page)).not.toContain(PUBLISH_KEY);
    // The browser itself reports both refusals.
    expect(dashboard.complaints.splice(0)).toEqual([
      expect.stringContaining("status of 401"),
      expect.stringContaining("status of 422"),
    ]);
  });
});
