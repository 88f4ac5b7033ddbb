import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { publish } from "./support/api.ts";
import { expectSound } from "./support/axe.ts";
import { ChatTabs, hasHeard, hears, mint, say } from "./support/chat.ts";
import { networkOf, says, sharedChromium } from "./support/chromium.ts";
import { TcpProxy } from "./support/tcp-proxy.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let proxy: TcpProxy;
let tabs: ChatTabs;

beforeAll(async () => {
  server = await sharedWranglerDev();
  proxy = await TcpProxy.start(server.port);
  tabs = await ChatTabs.open(await sharedChromium(), server.url, 2);
});
afterEach(() => tabs.endTest());
afterAll(async () => {
  await tabs.close();
  proxy.close();
});

const feedUrl = (feed: string): string => `${server.url}/v1/feeds/${feed}`;

test("axe-core finds nothing wrong, and nothing scrolls sideways", async () => {
  const name = "A name of forty characters, which is long".slice(0, 40);
  const writing = await tabs.enter("chat-axe", { token: await mint(), name, origin: proxy.url });
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
  const reading = await tabs.enter("chat-axe");
  await hasHeard(reading, 31);
  const network = await networkOf(writing, proxy);
  await network.set(false);
  await says(writing, "#state", "Offline");
  await say(writing, "not yet");
  for (const page of [writing, reading]) await expectSound(page, 740);
  await network.set(true);
});

test("works with the keyboard alone, and announces new messages, not earlier ones", async () => {
  await publish(feedUrl("chat-keys"), { key: "a", set: { name: "Ada", text: "before", at: Date.now() } });
  const page = await tabs.enter("chat-keys", { token: await mint(), name: "Grace" });
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
