import type { Browser, BrowserContext, BrowserContextOptions, Page, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { token as tokenFor } from "../support/tokens.ts";
import { publish, snapshot } from "./support/api.ts";
import { overflowOf, VIEWS, violationsIn } from "./support/axe.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
import { complaintsOf, sharedChromium } from "./support/chromium.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

const HOUR = 3600;

let server: SharedServer;
let proxy: TcpProxy;
let browser: Browser;
const contexts: BrowserContext[] = [];
const complaints: string[] = [];

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  proxy = await TcpProxy.start(server.port);
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
  expect(complaints.splice(0)).toEqual([]);
});
afterAll(async () => {
  proxy.close();
});

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

/** `seconds`: how long it is valid. */
function mint(seconds: number, scope = "publish:chat*"): Promise<string> {
  return tokenFor(scope, { expires: Date.now() + 1_000 * seconds });
}

interface Visit extends BrowserContextOptions {
  readonly token?: string | undefined;
  readonly name?: string;
  readonly origin?: string;
}

/** Opens a room in a browser profile of its own. The test fails if anything goes wrong in the page. */
async function enter(room: string, { token, name, origin = server.url, ...options }: Visit = {}): Promise<Page> {
  const context = await browser.newContext(options);
  contexts.push(context);
  const page = await context.newPage();
  const own = complaintsOf(page, origin);
  // The browser itself reports that a token was refused.
  page.on("close", () => complaints.push(...own.filter((text) => !text.includes("status of 401"))));
  await page.goto(`${origin}/examples/chat/?room=${room}${token === undefined ? "" : `#token=${token}`}`);
  await says(page, "#state", "Live");
  if (name !== undefined) await page.getByLabel("Your name").fill(name);
  return page;
}

/** Waits until an element has this text. */
async function says(page: Page, selector: string, text: string | RegExp): Promise<void> {
  let said = "";
  await until(
    async () => {
      said = (await page.locator(selector).innerText()).trim();
      return typeof text === "string" ? said === text : text.test(said);
    },
    () => `${String(text)} in ${selector}; it says ${said}`,
  );
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The messages in the log, from top to bottom. */
const heard = (page: Page): Promise<string[]> => page.locator("#messages .text").allTextContents();
const here = (page: Page): Promise<string[]> => page.locator("#here .who").allTextContents();
const hears = (page: Page, texts: readonly string[]) =>
  until(
    async () => JSON.stringify(await heard(page)) === JSON.stringify(texts),
    () => `a page to have ${texts.join()}`,
  );

test("everybody sees simultaneous messages in the same order, newcomers too", async () => {
  const token = await mint(HOUR);
  const names = ["Ada", "Grace", "Barbara"];
  const pages = await Promise.all(names.map((name) => enter("chat-order", { token, name })));
  const said = await Promise.all(
    pages.map(async (page, i) => {
      const texts = Array.from({ length: 8 }, (_, n) => `${names[i]} ${n}`);
      for (const text of texts) await say(page, text);
      return texts;
    }),
  );
  const [first, ...others] = pages;
  if (!first) expect.unreachable();
  await until(async () => (await heard(first)).length === 24, "all messages");
  // The order is that of arrival, whatever the keys and the writers' clocks say.
  for (const [key, at] of [
    ["20", 2],
    ["3", 1],
  ] as const)
    await publish(feedUrl("chat-order"), { key, set: { name: "A clock", text: key, at } });
  await until(async () => (await heard(first)).length === 26, "those too");
  const order = await heard(first);
  expect(order.slice(24)).toEqual(["20", "3"]);
  expect(order.slice(0, 24).toSorted()).toEqual(said.flat().toSorted());
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
  const pages: Page[] = [];
  for (const name of ["Ada", "Grace", "Barbara"]) pages.push(await enter("chat-people", { token, name }));
  const [ada, grace, barbara] = pages;
  if (!ada || !grace || !barbara) expect.unreachable();
  // A person who only reads is not listed.
  const reader = await enter("chat-people");
  for (const page of pages) await page.getByLabel("Your name").blur();
  for (const page of [...pages, reader]) {
    await until(async () => (await here(page)).toSorted().join() === "Ada,Barbara,Grace", "three to be here");
    await says(page, "#count", "3");
  }
  expect(await ada.locator("#here .mine .who").allTextContents()).toEqual(["Ada"]);
  await grace.close({ runBeforeUnload: true });
  for (const page of [ada, barbara, reader])
    await until(async () => (await here(page)).toSorted().join() === "Ada,Barbara", "Grace to be gone");
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
    const ada = await enter("chat-lost", { token: await mint(HOUR), name: "Ada" });
    let lost = 0;
    let line: WebSocketRoute | undefined;
    await ada.context().routeWebSocket(/chat-lost\?/, (socket) => {
      line = socket;
      const upstream = socket.connectToServer();
      socket.onMessage((message) => {
        if (lost === 0 && message.includes("publish")) lost++;
        else upstream.send(message);
      });
    });
    await ada.reload();
    await says(ada, "#state", "Live");
    await say(ada, "first");
    await until(() => lost === 1, "it to be lost");
    await say(ada, "second");
    await hears(ada, ["second"]);
    await line?.close({ code: 1012 });
    await hears(ada, ["second", "first"]);
    expect(await ada.locator("#outbox li").count()).toBe(0);
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
    await ada.context().close();
    contexts.splice(contexts.indexOf(ada.context()), 1);
    blocking.close();
  });

  test("that is written offline is kept, over a reload too, and is sent when the network is back", async () => {
    const token = await mint(HOUR);
    const ada = await enter("chat-offline", { token, name: "Ada" });
    const grace = await enter("chat-offline", { token, name: "Grace" });
    await ada.context().setOffline(true);
    await says(ada, "#state", "Offline");
    await say(ada, "first");
    await say(ada, "second");
    expect(await ada.locator("#outbox .text").allTextContents()).toEqual(["first", "second"]);
    await ada.context().setOffline(false);
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
    await until(async () => (await heard(ada)).length === 4, "all of them");
    expect((await heard(ada)).map(({ length }) => length)).toEqual([hostile.length, 0, 1000, 0]);
    await publish(feedUrl("chat-text"), { key: "form", delete: true });
    await until(async () => (await heard(ada)).length === 3, "one to be gone");
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
    ["that has expired", () => mint(-1), /^Your token has expired/],
    ["of somebody else", async () => `${await mint(HOUR)}x`, /^Your token .* is not valid here/],
  ])("%s is said to be that, and one reads along", async (_, make, words) => {
    await publish(feedUrl("chat-expired"), { key: "a", set: { name: "Ada", text: "hello", at: Date.now() } });
    const page = await enter("chat-expired", { token: await make() });
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

describe("the page", () => {
  test.each(VIEWS)(
    "in %s, axe-core finds nothing wrong at %i pixels, and nothing scrolls sideways",
    async (colorScheme, width) => {
      const options = { colorScheme, viewport: { width, height: 740 }, reducedMotion: "reduce" as const };
      const room = `chat-axe-${colorScheme}-${width}`;
      const writing = await enter(room, {
        ...options,
        token: await mint(HOUR),
        name: "A name of forty characters, which is long".slice(0, 40),
      });
      await say(writing, "x".repeat(200));
      const at = Date.now() - 100_000_000;
      await publish(
        feedUrl(room),
        Array.from({ length: 30 }, (_, i) => ({
          key: `k${i}`,
          set: { name: `Person ${i >> 1}`, by: `p${i >> 1}`, text: `Line ${i}`, at },
        })),
      );
      await until(async () => (await heard(writing)).length === 31, "all messages");
      const reading = await enter(room, options);
      await until(async () => (await heard(reading)).length === 31, "all messages");
      await writing.context().setOffline(true);
      await says(writing, "#state", "Offline");
      await say(writing, "not yet");
      for (const page of [writing, reading]) {
        expect(await violationsIn(page)).toEqual([]);
        expect(await overflowOf(page)).toBe(0);
      }
    },
  );
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
