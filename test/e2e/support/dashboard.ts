// Functions that are passed to the page run there.
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { complaintsOf } from "./chromium.ts";
import { until } from "./until.ts";

const PATIENCE = { timeout: 30_000 };

/** The dashboard in a browser profile of its own, and everything that went wrong in it. */
export class Dashboard {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly complaints: string[];
  readonly #origin: string;

  constructor(page: Page, origin: string) {
    this.page = page;
    this.context = page.context();
    this.#origin = origin;
    this.complaints = complaintsOf(page, origin);
  }

  /** Opens the page at `query`, such as `?feed=stocks`, and waits until it follows the feed. */
  static async open(
    browser: Browser,
    origin: string,
    query: string,
    options: BrowserContextOptions = {},
  ): Promise<Dashboard> {
    const context = await browser.newContext(options);
    const dashboard = new Dashboard(await context.newPage(), origin);
    await dashboard.goto(query);
    return dashboard;
  }

  async goto(query: string): Promise<void> {
    await this.page.goto(`${this.#origin}/${query}`);
    await this.is("live");
    await this.page.locator("body").evaluate((body) => body.setAttribute("data-never-reloaded", ""));
  }

  /** Waits until the connection is in that state. */
  async is(state: string): Promise<void> {
    await this.page.locator(`body[data-state=${state}]`).waitFor(PATIENCE);
  }

  row(key: string): Locator {
    return this.page.locator(`tr[data-key="${key}"]`);
  }

  cell(key: string, field = "price"): Locator {
    return this.row(key).locator(`td[data-field="${field}"]`);
  }

  async shows(key: string, text: string, field = "price"): Promise<void> {
    let shown = "";
    await until(
      async () => (shown = (await this.cell(key, field).allTextContents()).join()) === text,
      () => `${text} for ${key}; it shows ${shown}`,
      { ms: PATIENCE.timeout },
    );
  }

  /** Waits until an element has this text. */
  async says(selector: string, text: string | RegExp): Promise<void> {
    let said = "";
    await until(
      async () => {
        said = (await this.page.locator(selector).textContent()) ?? "";
        return typeof text === "string" ? said === text : text.test(said);
      },
      () => `${String(text)} in ${selector}; it says ${said}`,
      { ms: PATIENCE.timeout },
    );
  }

  /** The keys of the rows in view, from top to bottom. */
  keys(): Promise<string[]> {
    return this.page
      .locator("tr[data-key]")
      .evaluateAll((rows) => rows.map((row) => row.getAttribute("data-key") ?? ""));
  }

  /** Each key's price in the table, as a number. */
  async prices(): Promise<Record<string, number>> {
    const read = await this.page
      .locator("tr[data-key]")
      .evaluateAll((rows) =>
        rows.map(
          (row) =>
            [row.getAttribute("data-key"), Number(row.querySelector("[data-field=price]")?.textContent)] as const,
        ),
      );
    return Object.fromEntries(read);
  }

  async wasReloaded(): Promise<boolean> {
    return (await this.page.locator("[data-never-reloaded]").count()) === 0;
  }

  close(): Promise<void> {
    return this.context.close();
  }
}
