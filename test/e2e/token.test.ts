import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { token } from "../support/tokens.ts";
import { publish } from "./support/api.ts";
import { sharedChromium, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import { WranglerDev } from "./support/wrangler-dev.ts";

let server: WranglerDev;
let browser: Browser;

beforeAll(async () => {
  const vars = { SUBSCRIBE_ACCESS: "token", ALLOWED_ORIGINS: "*" };
  [server, browser] = await Promise.all([WranglerDev.start(vars), sharedChromium()]);
});
afterAll(async () => {
  await server.dispose();
});

function mint(seconds: number, scope = "subscribe:private"): Promise<string> {
  // At least so many: a token says when it ends in whole seconds.
  return token(scope, { expires: Date.now() + 1_000 * seconds + 999 });
}

const feedUrl = (): string => `${server.url}/v1/feeds/private`;

describe("a feed that only bearers of a token may read", () => {
  test("stays live over the ends of tokens, which the client renews in band", async () => {
    await publish(feedUrl(), { key: "A", set: { n: 0 } });
    const site = await startForeignSite(`<script type="module">
      import { connect } from "${server.url}/assets/tickertape.js";
      window.states = [];
      window.feed = connect("${server.url}", "private", { token: () => window.mint() });
      feed.on("status", ({ state }) => states.push(state));
    </script>`);
    const page = await browser.newPage();
    let minted = 0;
    let grants = true;
    await page.exposeFunction("mint", () => {
      minted++;
      return grants ? mint(3) : undefined;
    });
    await page.goto(site.url);
    await page.waitForFunction("window.feed?.state === 'live'");
    // More than two lifetimes of a token.
    await until(() => minted >= 4, "the renewals", { ms: 30_000 });
    await publish(feedUrl(), { key: "A", set: { n: 1 } });
    await page.waitForFunction("feed.get('A')?.n === 1");
    expect(await page.evaluate("[feed.counters.connections, states.join()]")).toEqual([1, "live"]);

    // If the token is not renewed, the server ends the connection and the page says why.
    grants = false;
    await page.waitForFunction("feed.state === 'closed'");
    expect(await page.evaluate("[feed.status.code, feed.status.reason.includes('credential')]")).toEqual([401, true]);
    await publish(feedUrl(), { key: "A", set: { n: 2 } });
    expect(await page.evaluate("feed.get('A').n")).toBe(1);
    await page.close();
    site.close();
  });

  test("is shown by the dashboard for as long as its token holds, and then asks for another", async () => {
    await publish(feedUrl(), { key: "A", set: { price: 10 } });
    const page = await browser.newPage();
    await page.goto(`${server.url}/?feed=private`);
    const credential = page.locator("input[type=password]").first();
    await credential.fill(await mint(5));
    await credential.press("Enter");
    await page.locator('tr[data-key="A"]').waitFor();
    await page.locator("body[data-state=closed]").waitFor({ timeout: 30_000 });
    await credential.waitFor();
    await credential.fill(await mint(60));
    await credential.press("Enter");
    await page.locator("body[data-state=live]").waitFor();
    await page.close();
  });
});
