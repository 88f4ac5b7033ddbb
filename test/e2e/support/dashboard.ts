// Functions that are passed to the page run there.
/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { complaintsOf, says } from "./chromium.ts";

/** The dashboard in a browser profile of its own, and everything that went wrong in it. */
export class Dashboard {
  readonly page: Page;
  readonly complaints: string[];
  readonly #origin: string;

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
    this.complaints = complaintsOf(page, origin);
  }

  /** One with nothing in it yet. A file opens one for all of its tests: a new page costs more than a new document in it. */
  static async in(browser: Browser, origin: string, options?: BrowserContextOptions): Promise<Dashboard> {
    return new Dashboard(await browser.newPage(options), origin);
  }

  /** Opens the page at `query`, such as `?feed=stocks`, and waits until it follows the feed, or is in another state. */
  async goto(query: string, state = "live"): Promise<void> {
    await this.page.goto(`${this.#origin}/${query}`);
    await this.is(state);
    await this.page.locator("body").evaluate((body) => body.setAttribute("data-never-reloaded", ""));
  }

  /** Waits until the connection is in that state. */
  async is(state: string): Promise<void> {
    await this.page.locator(`body[data-state=${state}]`).waitFor();
  }

  row(key: string): Locator {
    return this.page.locator(rowOf(key));
  }

  cell(key: string, field = "price"): Locator {
    return this.page.locator(cellOf(key, field));
  }

  /** Waits until a cell of the table has this text. */
  shows(key: string, text: string, field = "price"): Promise<void> {
    return this.says(cellOf(key, field), text);
  }

  /** Waits until an element has this text. */
  says(selector: string, text: string | RegExp): Promise<void> {
    return says(this.page, selector, text);
  }

  /** Waits until these are the rows in view, from top to bottom. */
  lists(...keys: string[]): Promise<void> {
    return says(this.page, "tr[data-key] th", keys);
  }

  /** The keys of the rows in view, from top to bottom. */
  keys(): Promise<string[]> {
    return this.page.locator("tr[data-key] th").allTextContents();
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
    return this.page.close();
  }
}

const rowOf = (key: string): string => `tr[data-key="${key}"]`;
const cellOf = (key: string, field: string): string => `${rowOf(key)} td[data-field="${field}"]`;
