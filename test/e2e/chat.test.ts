import type { Browser, WebSocketRoute } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { publish, snapshot } from "./support/api.ts";
import { BlockingProxy } from "./support/blocking-proxy.ts";
import { ChatTabs, hasHeard, heard, hears, mint, say, seesHere } from "./support/chat.ts";
import { networkOf, says, sharedChromium } from "./support/chromium.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;
let proxy: TcpProxy;
let tabs: ChatTabs;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  proxy = await TcpProxy.start(server.port);
  tabs = await ChatTabs.open(browser, server.url, 4);
});
afterEach(() => tabs.endTest());
afterAll(async () => {
  await tabs.close();
  proxy.close();
});

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

test("everybody sees simultaneous messages in the same order, newcomers too", async () => {
  const token = await mint();
  const names = ["Ada", "Grace", "Barbara"];
  const writers = await Promise.all(names.map((name) => tabs.enter("chat-order", { token, name })));
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
  await hears(await tabs.enter("chat-order"), order);
  await first.reload();
  await hears(first, order);
  expect(await first.locator("#messages .mine .text").allTextContents()).toEqual(said[0]);
  expect(await first.locator("#outbox li").count()).toBe(0);
});

test("shows who is here, and when a person has gone", async () => {
  const token = await mint();
  const ada = await tabs.enter("chat-people", { token, name: "Ada" });
  const grace = await tabs.enter("chat-people", { token, name: "Grace" });
  const barbara = await tabs.enter("chat-people", { token, name: "Barbara" });
  // A person who only reads is not listed.
  const reader = await tabs.enter("chat-people");
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
    const token = await mint();
    const ada = await tabs.enter("chat-cut", { token, name: "Ada", origin: proxy.url });
    const grace = await tabs.enter("chat-cut", { token, name: "Grace" });
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
    await tabs.enter("chat-lost", { token: await mint(), name: "Ada", page: ada });
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
    const ada = await tabs.enter("chat-blocked", { token: await mint(), name: "Ada", origin: blocking.url });
    await say(ada, "by another way");
    await hears(ada, ["by another way"]);
    const grace = await tabs.enter("chat-blocked", { token: await mint(), name: "Grace" });
    await say(grace, "I see");
    for (const page of [ada, grace]) await hears(page, ["by another way", "I see"]);
    expect(blocking.seen.upgrades).toBeGreaterThan(0);
    blocking.close();
  });

  test("that is written offline is kept, over a reload too, and is sent when the network is back", async () => {
    const token = await mint();
    const ada = await tabs.enter("chat-offline", { token, name: "Ada", origin: proxy.url });
    const grace = await tabs.enter("chat-offline", { token, name: "Grace" });
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
    const ada = await tabs.enter("chat-text", { token: await mint(), name: hostile.slice(0, 40) });
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
    const token = await mint();
    const ada = await tabs.enter("chat-token", { token, name: "Ada" });
    expect(ada.url()).toBe(`${server.url}/examples/chat/?room=chat-token`);
    await say(ada, "hello");
    const reader = await tabs.enter("chat-token");
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
    ["of somebody else", "chat-foreign", async () => `${await mint()}x`, /^Your token .* is not valid here/],
  ])("%s is said to be that, and one reads along", async (_, room, make, words) => {
    await publish(feedUrl(room), { key: "a", set: { name: "Ada", text: "hello", at: Date.now() } });
    const page = await tabs.enter(room, { token: await make() });
    await says(page, "#notice", words);
    await hears(page, ["hello"]);
    await says(page, "#state", "Live");
  });

  test("that expires during a visit is reported, and new messages are still shown", async () => {
    const page = await tabs.enter("chat-ending", { token: await mint(8), name: "Ada" });
    await say(page, "still here");
    await hears(page, ["still here"]);
    await says(page, "#notice", /^Your token has expired/);
    await publish(feedUrl("chat-ending"), { key: "b", set: { name: "Grace", text: "and I", at: Date.now() } });
    await hears(page, ["still here", "and I"]);
  });

  test("that does not allow writing here is reported", async () => {
    const page = await tabs.enter("chat-forbidden", { token: await mint(3600, "publish:stocks") });
    await says(page, "#notice", /^Your token does not allow to write in “chat-forbidden\.here”/);
    await says(page, "#state", "Live");
  });
});
