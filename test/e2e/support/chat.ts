// Functions that are handed to the page run there.
/// <reference lib="dom" />
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import { token as tokenFor } from "../../support/tokens.ts";
import { complaintsOf, says } from "./chromium.ts";
import { until } from "./until.ts";

interface Visit {
  readonly token?: string;
  readonly name?: string;
  readonly origin?: string;
  readonly page?: Page | undefined;
}

/** Tabs with the chat, each of another person. They serve all tests of a file, as a new page costs more than a new document in it. */
export class ChatTabs {
  readonly #pages: readonly Page[];
  readonly #origin: string;
  /** Where pages were opened, which are used again: they may still ask there. */
  readonly #origins = new Set<string>();
  /** What went wrong in each visit of a test. */
  readonly #complaints: string[][] = [];
  #used = 0;

  private constructor(pages: readonly Page[], origin: string) {
    this.#pages = pages;
    this.#origin = origin;
  }

  static async open(browser: Browser, origin: string, count: number): Promise<ChatTabs> {
    const open = (): Promise<Page> => browser.newPage({ reducedMotion: "reduce" });
    return new ChatTabs(await Promise.all(Array.from({ length: count }, open)), origin);
  }

  /** A person enters a room, which no other test has, in a tab that nobody uses in this test. */
  async enter(
    room: string,
    { token, name, origin = this.#origin, page = this.#pages[this.#used++] }: Visit = {},
  ): Promise<Page> {
    if (!page) expect.unreachable("more people than pages");
    this.#origins.add(origin);
    this.#complaints.push(complaintsOf(page, ...this.#origins));
    // Whoever was here before leaves nothing in the tab.
    if (page.url() !== "about:blank") await page.evaluate(() => sessionStorage.clear());
    await page.goto(`${origin}/examples/chat/?room=${room}${token === undefined ? "" : `#token=${token}`}`);
    await says(page, "#state", "Live");
    if (name !== undefined) await page.getByLabel("Your name").fill(name);
    return page;
  }

  /** After a test: the tabs are free for the next one. Fails if anything went wrong in a page. */
  endTest(): void {
    this.#used = 0;
    // The browser itself reports that a token was refused.
    const found = this.#complaints.splice(0).flat();
    expect(found.filter((text) => !text.includes("status of 401"))).toEqual([]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pages.map((page) => page.close()));
  }
}

/** A token for `seconds`; for an hour if not given. */
export function mint(seconds = 3600, scope = "publish:chat*"): Promise<string> {
  return tokenFor(scope, { expires: Date.now() + 1_000 * seconds });
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

/** The messages in the log, from top to bottom. */
export const heard = (page: Page): Promise<string[]> => page.locator("#messages .text").allTextContents();
export const hears = (page: Page, texts: readonly string[]) => says(page, "#messages .text", texts);
export const hasHeard = (page: Page, count: number) =>
  page.waitForFunction((count) => document.querySelectorAll("#messages .text").length === count, count);
export const seesHere = (page: Page, ...names: string[]) =>
  until(
    async () => (await page.locator("#here .who").allTextContents()).toSorted().join() === names.join(),
    `${names.join()} to be here`,
    { every: 50 },
  );
