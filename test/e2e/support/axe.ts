import axe from "axe-core";
import type { Page } from "playwright-core";

/** What is right with the page is counted, and not described, which would take longer than all else. */
const RUN = 'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)';

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds, by WCAG 2 A and AA and its own best practices. */
export async function violationsIn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate<Violation[]>(RUN);
  return found.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
}

/** How many pixels the page scrolls sideways. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
}

/**
 * Themes and widths in pixels to look at a page with. Each theme and each width once finds what is wrong with a colour or a
 * layout; `TICKERTAPE_ROUNDS` has each with each.
 */
export const VIEWS: readonly ["light" | "dark", number][] =
  process.env["TICKERTAPE_ROUNDS"] === undefined
    ? [
        ["light", 360],
        ["dark", 1280],
      ]
    : (["light", "dark"] as const).flatMap((theme): ["light" | "dark", number][] => [
        [theme, 360],
        [theme, 1280],
      ]);
