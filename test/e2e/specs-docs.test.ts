// Functions that are handed to the page run there.
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { CLOSE } from "../../src/protocol/codes.ts";
import { expectSound } from "./support/axe.ts";
import { complaintsOf, sharedChromium } from "./support/chromium.ts";
import { sharedWranglerDev, type SharedServer } from "./support/shared.ts";

interface Part {
  readonly [name: string]: Part | undefined;
}

let server: SharedServer;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  const [shared, browser] = await Promise.all([sharedWranglerDev(), sharedChromium()]);
  server = shared;
  page = await browser.newPage();
  complaints = complaintsOf(page, server.url);
  await open("#request-publish");
});
afterEach(() => {
  expect(complaints.splice(0)).toEqual([]);
});
afterAll(() => page.close());

async function open(at: string): Promise<void> {
  await page.goto(`${server.url}/docs/explorer/${at}`);
  await page.locator("#status").waitFor({ state: "detached" });
}

async function described(name: string): Promise<Part> {
  return JSON.parse(await (await fetch(`${server.url}/${name}.json`)).text());
}

const titles = (selector: string): Promise<string[]> =>
  page.locator(selector).evaluateAll((found) => found.map((one) => one.textContent));

test("a link from elsewhere leads to its place", async () => {
  const top = await page.locator("#request-publish").evaluate((title) => title.getBoundingClientRect().top);
  expect(top).toBeGreaterThanOrEqual(0);
  expect(top).toBeLessThan(400);
});

test("shows every request, its parameters and its answers", async () => {
  const openapi = await described("openapi");
  const expected: string[] = [];
  for (const [path, item] of Object.entries(openapi["paths"] ?? {}))
    for (const method of ["get", "head", "post", "delete", "options"])
      if (item?.[method]) expected.push(`${method.toUpperCase()}${path}`);
  expect(expected.length).toBeGreaterThan(20);
  expect(await titles("#requests h3")).toEqual(expected);
  const publishing = page.locator("[data-operation=publish]");
  for (const text of ["Idempotency-Key", "Content-Encoding", "application/x-ndjson", "invalid_update", "Retry-After"])
    await publishing.getByText(text).first().waitFor();
  for (const status of ["200", "400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "503"])
    await publishing.getByRole("rowheader", { name: status, exact: true }).waitFor();
  const subscribing = page.locator("[data-operation=readFeed]");
  for (const parameter of ["feed", "keys", "since", "hz", "mode", "wait", "Last-Event-ID"])
    await subscribing.getByRole("rowheader", { name: parameter, exact: true }).waitFor();
});

test("shows every message with an example, every schema, and the close codes", async () => {
  const [openapi, asyncapi] = await Promise.all([described("openapi"), described("asyncapi")]);
  const messages = Object.keys(asyncapi["components"]?.["messages"] ?? {});
  expect(await titles("#messages h3")).toEqual(
    messages.map((name) => expect.stringMatching(new RegExp(`^(client|server) says${name}$`))),
  );
  for (const name of messages) expect(await page.locator(`[data-message=${name}] pre`).count()).toBe(1);
  expect(await titles("[data-message=publish] h3")).toEqual(["client sayspublish"]);
  expect(await titles("[data-message=receipt] h3")).toEqual(["server saysreceipt"]);
  expect((await titles("#schema-list h3")).toSorted()).toEqual(
    Object.keys(openapi["components"]?.["schemas"] ?? {}).toSorted(),
  );
  // 1001 is sent by browsers only.
  const codes = [...Object.values(CLOSE), 1001].toSorted((a, b) => a - b);
  expect(await titles("#codes tbody th")).toEqual(codes.map(String));
});

test("every link within the page leads somewhere", async () => {
  const lost = await page.evaluate(() =>
    Array.from(document.querySelectorAll("a[href^='#']"), (link) => link.getAttribute("href") ?? "").filter(
      (href) => !document.getElementById(href.slice(1)),
    ),
  );
  expect(lost).toEqual([]);
  const ids = await page.evaluate(() => Array.from(document.querySelectorAll("[id]"), ({ id }) => id));
  expect(ids.filter((id) => id !== encodeURIComponent(id))).toEqual([]);
});

test("axe-core finds nothing wrong, and nothing scrolls sideways", async () => {
  await page.locator("details").evaluateAll((all) => all.forEach((one) => one.setAttribute("open", "")));
  await expectSound(page);
});

test("a link to a place that cannot be decoded does no harm", async () => {
  await page.goto("about:blank");
  await open("#%");
  await page.locator("#schema-list h3").first().waitFor();
});

test("says so where the documents cannot be read", async () => {
  await page.route("**/openapi.json", (route) => route.fulfill({ status: 503, body: "" }));
  await page.reload();
  await page.getByRole("status").getByText("could not be read").waitFor();
  expect(complaints.splice(0)).toEqual([expect.stringContaining("503")]);
});
