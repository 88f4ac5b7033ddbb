import type { Browser } from "playwright-core";
import { beforeAll, expect, test } from "vitest";
import { publish } from "./support/api.ts";
import { docsCode } from "./support/docs-code.ts";
import { sharedChromium, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

let server: SharedServer;
let browser: Browser;

beforeAll(async () => {
  [server, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
});

test("the lines of the docs for a page work in an empty page, wherever it comes from", async () => {
  const feed = `${server.url}/v1/feeds/stocks`;
  await publish(feed, [
    { key: "AAPL", set: { price: 191.2 } },
    { key: "TSLA", set: { price: 250 } },
  ]);
  const site = await startForeignSite(await docsCode("html", "tickertape.js", server.url));
  const page = await browser.newPage();
  const lines: string[] = [];
  page.on("pageerror", (error) => lines.push(String(error)));
  page.on("console", (message) => {
    void Promise.all(message.args().map((argument) => argument.jsonValue())).then((args) =>
      lines.push(JSON.stringify(args)),
    );
  });
  await page.goto(site.url);
  await until(
    () => lines.some((line) => line.startsWith(`["live"`)),
    () => `the feed to be live; printed ${lines.join()}`,
  );
  await publish(feed, { key: "MSFT", set: { price: 430 } });
  await until(
    () => lines.some((line) => line.includes("MSFT")),
    () => `MSFT; printed ${lines.join()}`,
  );
  expect(lines.filter((line) => line.includes("price")).map((line): unknown => JSON.parse(line))).toEqual([
    [[{ key: "AAPL", value: { price: 191.2 } }]],
    [[{ key: "MSFT", value: { price: 430 } }]],
  ]);
  await page.close();
  site.close();
});
