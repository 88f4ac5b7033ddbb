// Functions that are handed to the page run there.
/// <reference lib="dom" />
import type { Browser, Page, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { token as tokenFor } from "../support/tokens.ts";
import { publish, snapshot } from "./support/api.ts";
import { overflowOf, VIEWS, violationsIn } from "./support/axe.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
import { complaintsOf, networkOf, says, sharedChromium } from "./support/chromium.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

const HOUR = 3600;

let server: SharedServer;
let browser: Browser;
let proxy: TcpProxy;
/** Each is the tab of another person. They serve all tests, as a new page costs more than a new document in it. */
let pages: Page[];
let used = 0;
/** What went wrong in each visit of a test. */
const complaints: string[][] = [];

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  proxy = await TcpProxy.start(server.port);
  pages = await Promise.all(Array.from({ length: 4 }, () => browser.newPage({ reducedMotion: "reduce" })));
});
afterEach(() => {
  used = 0;
  // The browser itself reports that a token was refused.
  const found = complaints.splice(0).flat();
  expect(found.filter((text) => !text.includes("status of 401"))).toEqual([]);
});
afterAll(async () => {
  await Promise.all(pages.map((page) => page.close()));
  proxy.close();
});

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

/** `seconds`: how long it is valid. */
function mint(seconds: number, scope = "publish:chat*"): Promise<string> {
  return tokenFor(scope, { expires: Date.now() + 1_000 * seconds });
}

/** Where pages were opened, which are used again: they may still ask there. */
const origins = new Set<string>();

interface Visit {
  readonly token?: string;
  readonly name?: string;
  readonly origin?: string;
  readonly page?: Page | undefined;
}

/** A person enters a room, which no other test has. The test fails if anything goes wrong in the page. */
async function enter(
  room: string,
  { token, name, origin = server.url, page = pages[used++] }: Visit = {},
): Promise<Page> {
  if (!page) expect.unreachable("more people than pages");
  origins.add(origin);
  complaints.push(complaintsOf(page, ...origins));
  // Whoever was here before leaves nothing in the tab.
  if (page.url() !== "about:blank") await page.evaluate(() => sessionStorage.clear());
  await page.goto(`${origin}/examples/chat/?room=${room}${token === undefined ? "" : `#token=${token}`}`);
  await says(page, "#state", "Live");
  if (name !== undefined) await page.getByLabel("Your name").fill(name);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The messages in the log, from top to bottom. */
const heard = (page: Page): Promise<string[]> => page.locator("#messages .text").allTextContents();
const here = (page: Page): Promise<string[]> => page.locator("#here .who").allTextContents();
const hears = (page: Page, texts: readonly string[]) => says(page, "#messages .text", texts);
const hasHeard = (page: Page, count: number) =>
  page.waitForFunction((count) => document.querySelectorAll("#messages .text").length === count, count);
const seesHere = (page: Page, ...names: string[]) =>
  until(async () => (await here(page)).toSorted().join() === names.join(), `${names.join()} to be here`, { every: 50 });

test("everybody sees simultaneous messages in the same order, newcomers too", async () => {
  const token = await mint(HOUR);
  const names = ["Ada", "Grace", "Barbara"];
  const writers = await Promise.all(names.map((name) => enter("chat-order", { token, name })));
  const said = await Promise.all(
    writers.map(async (page, i) => {
      const texts = Array.from({ length: 4 }, (_, n) => `${names[i]} ${n}`);
      for (const text of texts) await say(page, text);
      return texts;
    }),
  );
  const [first, ...others] = writers;
  if (!first) expect.unreachable();
  await hasHeard(first, 12);
  // The order is that of arrival, whatever the keys and the writers' clocks say.
  for (const [key, at] of [
    ["20", 2],
    ["3", 1],
  ] as const)
    await publish(feedUrl("chat-order"), { key, set: { name: "A clock", text: key, at } });
  await hasHeard(first, 14);
  const order = await heard(first);
  expect(order.slice(12)).toEqual(["20", "3"]);
  expect(order.slice(0, 12).toSorted()).toEqual(said.flat().toSorted());
  for (const page of others) await hears(page, order);
  for (const texts of said) expect(order.filter((text) => texts.includes(text))).toEqual(texts);
  await hears(await enter("chat-order"), order);
  await first.reload();
  await hears(first, order);
  expect(await first.locator("#messages .mine .text").allTextContents()).toEqual(said[0]);
  expect(await first.locator("#outbox li").count()).toBe(0);
});

test("shows who is here, and when a person has gone", async () => {
  const token = await mint(HOUR);
  const ada = await enter("chat-people", { token, name: "Ada" });
  const grace = await enter("chat-people", { token, name: "Grace" });
  const barbara = await enter("chat-people", { token, name: "Barbara" });
  // A person who only reads is not listed.
  const reader = await enter("chat-people");
  for (const page of [ada, grace, barbara]) await page.getByLabel("Your name").blur();
  for (const page of [ada, grace, barbara, reader]) {
    await seesHere(page, "Ada", "Barbara", "Grace");
    await says(page, "#count", "3");
  }
  expect(await ada.locator("#here .mine .who").allTextContents()).toEqual(["Ada"]);
  await grace.goto(`${server.url}/healthz`);
  for (const page of [ada, barbara, reader]) await seesHere(page, "Ada", "Barbara");
});

describe("a message", () => {
  test("that was sent while the connection was cut comes exactly once", async () => {
    const token = await mint(HOUR);
    const ada = await enter("chat-cut", { token, name: "Ada", origin: proxy.url });
    const grace = await enter("chat-cut", { token, name: "Grace" });
    // The server gets the message, but its receipt never arrives.
    proxy.delay = 600_000;
    await say(ada, "once");
    await hears(grace, ["once"]);
    expect(await heard(ada)).toEqual([]);
    await says(ada, "#outbox .note", "sending…");
    proxy.cut();
    proxy.delay = 0;
    await hears(ada, ["once"]);
    expect(await ada.locator("#outbox li").count()).toBe(0);
    await says(ada, "#state", "Live");
    await say(grace, "twice?");
    for (const page of [ada, grace]) await hears(page, ["once", "twice?"]);
    // The repeated message is the same entry, so nobody sees or hears it twice.
    const { entries } = await snapshot(feedUrl("chat-cut"));
    const again = Object.entries(entries).find(([, { text }]) => text === "once");
    if (!again) expect.unreachable();
    const item = grace.locator("#messages li").first();
    await item.evaluate((element) => element.setAttribute("data-before", ""));
    await publish(feedUrl("chat-cut"), { key: again[0], set: again[1] });
    await say(ada, "done");
    for (const page of [ada, grace]) await hears(page, ["once", "twice?", "done"]);
    expect(await item.getAttribute("data-before")).toBe("");
  });

  test("that got lost on its way to the server is sent again", async () => {
    // A page of its own: such a route cannot be taken away.
    const ada = await browser.newPage();
    let lost = 0;
    let line: WebSocketRoute | undefined;
    await ada.routeWebSocket(/chat-lost\?/, (socket) => {
      line = socket;
      const upstream = socket.connectToServer();
      socket.onMessage((message) => {
        if (lost === 0 && message.includes("publish")) lost++;
        else upstream.send(message);
      });
    });
    await enter("chat-lost", { token: await mint(HOUR), name: "Ada", page: ada });
    await say(ada, "first");
    await until(() => lost === 1, "it to be lost");
    await say(ada, "second");
    await hears(ada, ["second"]);
    await line?.close({ code: 1012 });
    await hears(ada, ["second", "first"]);
    expect(await ada.locator("#outbox li").count()).toBe(0);
    await ada.close();
  });

  test("is sent without a WebSocket, and messages of others are seen", async () => {
    const blocking = await BlockingProxy.start(server.url);
    const ada = await enter("chat-blocked", { token: await mint(HOUR), name: "Ada", origin: blocking.url });
    await say(ada, "by another way");
    await hears(ada, ["by another way"]);
    const grace = await enter("chat-blocked", { token: await mint(HOUR), name: "Grace" });
    await say(grace, "I see");
    for (const page of [ada, grace]) await hears(page, ["by another way", "I see"]);
    expect(blocking.seen.upgrades).toBeGreaterThan(0);
    blocking.close();
  });

  test("that is written offline is kept, over a reload too, and is sent when the network is back", async () => {
    const token = await mint(HOUR);
    const ada = await enter("chat-offline", { token, name: "Ada", origin: proxy.url });
    const grace = await enter("chat-offline", { token, name: "Grace" });
    const network = await networkOf(ada, proxy);
    await network.set(false);
    await says(ada, "#state", "Offline");
    await say(ada, "first");
    await say(ada, "second");
    expect(await ada.locator("#outbox .text").allTextContents()).toEqual(["first", "second"]);
    await network.set(true);
    for (const page of [ada, grace]) await hears(page, ["first", "second"]);
    expect(await ada.locator("#outbox li").count()).toBe(0);

    // What this tab stores, as if it had been reloaded offline.
    const value = { name: "Ada", text: "third", by: "x", at: Date.now() };
    await ada.evaluate(([name, text]) => sessionStorage.setItem(name, text), [
      "chat.outbox.chat-offline",
      JSON.stringify([["k", value]]),
    ] as const);
    await ada.reload();
    for (const page of [ada, grace]) await hears(page, ["first", "second", "third"]);
  });

  test("is shown as text, whatever was published", async () => {
    const hostile = `<img src=x onerror="document.title='taken'">`;
    const ada = await enter("chat-text", { token: await mint(HOUR), name: hostile.slice(0, 40) });
    await say(ada, hostile);
    await hears(ada, [hostile]);
    expect(await ada.locator("#messages .who").allTextContents()).toEqual([hostile.slice(0, 40)]);
    await publish(feedUrl("chat-text"), [
      { key: "form", set: { name: { toString: 1 }, text: ["x"], by: 7, at: "now" } },
      { key: "__proto__", set: { name: hostile, text: "x".repeat(5000), at: 1e300 } },
      { key: "1", set: {} },
    ]);
    await hasHeard(ada, 4);
    expect((await heard(ada)).map(({ length }) => length)).toEqual([hostile.length, 0, 1000, 0]);
    await publish(feedUrl("chat-text"), { key: "form", delete: true });
    await hasHeard(ada, 3);
    expect(await ada.locator("img").count()).toBe(0);
    expect(await ada.locator("form").count()).toBe(1);
    expect(await ada.title()).toBe("Chat · Tickertape");
  });
});

describe("the token", () => {
  test("goes from the URL into the tab, and is needed to write", async () => {
    const token = await mint(HOUR);
    const ada = await enter("chat-token", { token, name: "Ada" });
    expect(ada.url()).toBe(`${server.url}/examples/chat/?room=chat-token`);
    await say(ada, "hello");
    const reader = await enter("chat-token");
    await hears(reader, ["hello"]);
    await says(reader, "#notice", /^This page only reads\. To write, .*token/);
    expect(await reader.getByLabel("Message", { exact: true }).isVisible()).toBe(false);
    // The same tab gets a token later.
    await reader.goto(`${server.url}/examples/chat/?room=chat-token#token=${token}`);
    await reader.getByLabel("Message", { exact: true }).waitFor();
    await says(reader, "#state", "Live");
    await say(reader, "and hello");
    for (const page of [ada, reader]) await hears(page, ["hello", "and hello"]);
  });

  test.each([
    ["that has expired", "chat-expired", () => mint(-1), /^Your token has expired/],
    ["of somebody else", "chat-foreign", async () => `${await mint(HOUR)}x`, /^Your token .* is not valid here/],
  ])("%s is said to be that, and one reads along", async (_, room, make, words) => {
    await publish(feedUrl(room), { key: "a", set: { name: "Ada", text: "hello", at: Date.now() } });
    const page = await enter(room, { token: await make() });
    await says(page, "#notice", words);
    await hears(page, ["hello"]);
    await says(page, "#state", "Live");
  });

  test("that expires during a visit is reported, and new messages are still shown", async () => {
    const page = await enter("chat-ending", { token: await mint(8), name: "Ada" });
    await say(page, "still here");
    await hears(page, ["still here"]);
    await says(page, "#notice", /^Your token has expired/);
    await publish(feedUrl("chat-ending"), { key: "b", set: { name: "Grace", text: "and I", at: Date.now() } });
    await hears(page, ["still here", "and I"]);
  });

  test("that does not allow writing here is reported", async () => {
    const page = await enter("chat-forbidden", { token: await mint(HOUR, "publish:stocks") });
    await says(page, "#notice", /^Your token does not allow to write in “chat-forbidden\.here”/);
    await says(page, "#state", "Live");
  });
});

test("axe-core finds nothing wrong, and nothing scrolls sideways", async () => {
  const name = "A name of forty characters, which is long".slice(0, 40);
  const writing = await enter("chat-axe", { token: await mint(HOUR), name, origin: proxy.url });
  await say(writing, "x".repeat(200));
  const at = Date.now() - 100_000_000;
  await publish(
    feedUrl("chat-axe"),
    Array.from({ length: 30 }, (_, i) => ({
      key: `k${i}`,
      set: { name: `Person ${i >> 1}`, by: `p${i >> 1}`, text: `Line ${i}`, at },
    })),
  );
  await hasHeard(writing, 31);
  const reading = await enter("chat-axe");
  await hasHeard(reading, 31);
  const network = await networkOf(writing, proxy);
  await network.set(false);
  await says(writing, "#state", "Offline");
  await say(writing, "not yet");
  for (const page of [writing, reading])
    for (const [colorScheme, width] of VIEWS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 740 });
      expect(await violationsIn(page), `${colorScheme} ${width}`).toEqual([]);
      expect(await overflowOf(page), `${width}`).toBe(0);
    }
  await network.set(true);
});

test("works with the keyboard alone, and announces new messages, not earlier ones", async () => {
  await publish(feedUrl("chat-keys"), { key: "a", set: { name: "Ada", text: "before", at: Date.now() } });
  const page = await enter("chat-keys", { token: await mint(HOUR), name: "Grace" });
  const log = page.getByRole("log", { name: "Messages" });
  await until(async () => (await log.getAttribute("aria-live")) === "polite", "the log to be live");
  await page.getByLabel("Your name").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.type("one line");
  await page.keyboard.press("Shift+Enter");
  await page.keyboard.type("and another");
  await page.keyboard.press("Enter");
  await hears(page, ["before", "one line\nand another"]);
  expect(await log.locator(".who").allTextContents()).toEqual(["Ada", "Grace"]);
  expect(await page.getByLabel("Message", { exact: true }).inputValue()).toBe("");
  await page.keyboard.type("again");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await hears(page, ["before", "one line\nand another", "again"]);
});
