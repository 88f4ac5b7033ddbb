// Functions that are handed to the page run there.
/// <reference lib="dom" />
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADMIN_KEY, BINDINGS, publish, PUBLISH_KEY, snapshot } from "./support/api.ts";
import { sharedChromium, openSocket, startForeignSite } from "./support/chromium.ts";
import { until } from "./support/until.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";
import { Workerd } from "./support/workerd.ts";

type Site = Awaited<ReturnType<typeof startForeignSite>>;
type Allowed = "none" | "one" | "any";

let browser: Browser;
let listed: Site;
let foreign: Site;

beforeAll(async () => {
  [browser, listed, foreign] = await Promise.all([sharedChromium(), startForeignSite(), startForeignSite()]);
});
afterAll(async () => {
  listed.close();
  foreign.close();
});
interface PageRequest {
  method?: string;
  mode?: "no-cors";
  credentials?: "include";
  headers?: Record<string, string>;
  body?: string;
}

/** The status that a page's own `fetch` gets to see; "refused" where the browser keeps the answer from it. */
function fetchFrom(page: Page, url: string, init: PageRequest = {}): Promise<number | "refused"> {
  return page.evaluate(
    ([url, init]) =>
      fetch(url, init).then(
        ({ status }) => status,
        () => "refused" as const,
      ),
    [url, init] as const,
  );
}

/** Whether a page gets an event of the feed. */
function hearsEvents(page: Page, url: string): Promise<boolean> {
  return page.evaluate(
    (url) =>
      new Promise<boolean>((resolve) => {
        const source = new EventSource(url);
        const end = (heard: boolean): void => (source.close(), resolve(heard));
        source.addEventListener("hello", () => end(true));
        source.addEventListener("error", () => end(false));
      }),
    url,
  );
}

const AUTHORIZED = (key: string): Record<string, string> => ({
  Authorization: `Bearer ${key}`,
  "Content-Type": "application/json",
});

describe.each<[Allowed]>([["none"], ["one"], ["any"]])("where ALLOWED_ORIGINS names %s", (allowed) => {
  let server: Workerd;
  let page: Page;
  const feedUrl = (): string => `${server.url}/v1/feeds/own`;

  beforeAll(async () => {
    const origins = { none: "", one: new URL(listed.url).origin, any: "*" }[allowed];
    server = await Workerd.start({ bindings: { ...BINDINGS, ALLOWED_ORIGINS: origins } });
    // An answer of the server is no page, and as such may load nothing. A route of playwright's would end preflights.
    page = await browser.newPage({ bypassCSP: true });
    await publish(feedUrl(), { key: "A", set: { p: 1 } });
  });
  afterAll(() => Promise.all([page.close(), server.dispose()]));

  test.each<[which: "own" | "listed" | "foreign", to: Allowed[]]>([
    ["own", ["none", "one", "any"]],
    ["listed", ["one", "any"]],
    ["foreign", ["any"]],
  ])("a page of the %s origin reads and publishes if it may, and else gets nothing", async (which, to) => {
    const isAllowed = to.includes(allowed);
    const { seq } = await snapshot(feedUrl());
    await page.goto({ own: `${server.url}/healthz`, listed: listed.url, foreign: foreign.url }[which]);
    const socket = await openSocket(page, feedUrl(), 1);
    expect(socket === "refused").toBe(!isAllowed);
    expect(await fetchFrom(page, feedUrl())).toBe(isAllowed ? 200 : "refused");
    expect(await fetchFrom(page, feedUrl(), { credentials: "include" })).toBe(which === "own" ? 200 : "refused");
    expect(await hearsEvents(page, feedUrl())).toBe(isAllowed);
    const body = JSON.stringify({ key: "A", set: { by: which } });
    const post = { method: "POST", headers: AUTHORIZED(PUBLISH_KEY), body };
    expect(await fetchFrom(page, feedUrl(), post)).toBe(isAllowed ? 200 : "refused");
    expect((await snapshot(feedUrl())).seq).toBe(isAllowed ? seq + 1 : seq);
    // What a form could send needs no preflight: it gets no further than that, even to a page that guessed no key.
    const plain = { method: "POST", mode: "no-cors" as const, body };
    await fetchFrom(page, `${feedUrl()}?token=${PUBLISH_KEY}`, plain);
    if (!isAllowed) await fetchFrom(page, feedUrl(), { method: "DELETE", headers: AUTHORIZED(ADMIN_KEY) });
    expect((await snapshot(feedUrl())).seq).toBe(isAllowed ? seq + 1 : seq);
  });
});

describe("the page", () => {
  let server: SharedServer;
  let page: Page;
  beforeAll(async () => {
    [server, page] = await Promise.all([sharedWranglerDev(), browser.newPage()]);
  });
  afterAll(() => page.close());

  /** Each notes that it ran, if it does. */
  const INJECTED = `
    <script>document.documentElement.dataset.ran = "an inline script"</script>
    <img src="/nothing" onerror="document.documentElement.dataset.ran = 'a handler'">
    <svg onload="document.documentElement.dataset.ran = 'another handler'"></svg>
    <iframe srcdoc="<script>parent.document.documentElement.dataset.ran = 'a frame'</script>"></iframe>
    <script src="data:text/javascript,document.documentElement.dataset.ran='data'"></script>
    <base href="https://evil.example/">
    <a id="link" href="javascript:document.documentElement.dataset.ran='a link'">here</a>`;

  test("runs no script that was put into its HTML, but its own", async () => {
    await page.route(`${server.url}/?feed=own`, async (route) => {
      const response = await route.fetch();
      const html = (await response.text())
        .replace("<body", `${INJECTED}<body`)
        .replace("</body>", `${INJECTED}</body>`);
      await route.fulfill({ response, body: html });
    });
    const violations: string[] = [];
    page.on("console", (message) => void violations.push(message.text()));
    await page.goto(`${server.url}/?feed=own`);
    await page.locator("#feed", { hasText: "own" }).waitFor();
    await page
      .locator("#link")
      .first()
      .evaluate((link: HTMLElement) => link.click());
    await until(
      () => violations.filter((text) => text.includes("Content Security Policy")).length >= 5,
      () => violations.join("\n"),
    );
    expect(await page.evaluate(() => document.documentElement.dataset["ran"])).toBeUndefined();
    expect(await page.evaluate(() => document.baseURI)).toBe(page.url());
  });

  test("lets no script write markup or run text", async () => {
    await page.goto(server.url);
    const attempts = await page.evaluate(() => {
      const ran: string[] = [];
      const attempt = (what: string, run: () => unknown): void => {
        try {
          run();
          ran.push(what);
        } catch {
          // As it should be.
        }
      };
      attempt("innerHTML", () => (document.body.innerHTML = "<img src=x onerror=alert(1)>"));
      attempt("document.write", () => document.write("<script>alert(1)</script>"));
      attempt("a script's text", () => (document.createElement("script").textContent = "alert(1)"));
      attempt("a frame's document", () => (document.createElement("iframe").srcdoc = "<script>alert(1)</script>"));
      return ran;
    });
    expect(attempts).toEqual([]);
  });

  test("sends nothing anywhere else", async () => {
    await page.goto(server.url);
    expect(await fetchFrom(page, foreign.url, { mode: "no-cors" })).toBe("refused");
    expect(await openSocket(page, foreign.url, 1)).toBe("refused");
  });

  test("cannot be framed by another page", async () => {
    const framing = await startForeignSite(`<iframe src="${server.url}/"></iframe>`);
    await page.goto(framing.url);
    const frame = page.frames()[1];
    expect(await frame?.locator("#feed").count()).toBe(0);
    framing.close();
  });
});
