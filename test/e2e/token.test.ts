import { SignJWT } from "jose";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publish } from "./support/api.ts";
import { launchChromium, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import { WranglerDev } from "./support/wrangler-dev.ts";

const JWT_SECRET = "a shared secret of these tests alone";

let server: WranglerDev;
let browser: Browser;

beforeAll(async () => {
  const vars = { JWT_SECRET, SUBSCRIBE_ACCESS: "token", ALLOWED_ORIGINS: "*" };
  [server, browser] = await Promise.all([WranglerDev.start(vars), launchChromium()]);
});
afterAll(async () => {
  await browser.close();
  await server.dispose();
});

function mint(seconds: number, scope = "subscribe:private"): Promise<string> {
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime(Math.ceil(Date.now() / 1000) + seconds)
    .sign(new TextEncoder().encode(JWT_SECRET));
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

    // Nobody renews it any more: the server ends it, and the page says why.
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
