import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe-core finds, by WCAG 2 A and AA and its own best practices, or by these of its rules. */
export async function violationsIn(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (await page.evaluate<boolean>("window.axe === undefined")) await page.evaluate(axe.source);
  // What is right with the page is counted, and not described, which would take longer than all else.
  const options = JSON.stringify({ resultTypes: ["violations"], runOnly: rules });
  const found = await page.evaluate<Violation[]>(`axe.run(document, ${options}).then(({ violations }) => violations)`);
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
const VIEWS: readonly ["light" | "dark", number][] =
  process.env["TICKERTAPE_ROUNDS"] === undefined
    ? [
        ["light", 360],
        ["dark", 1280],
      ]
    : (["light", "dark"] as const).flatMap((theme): ["light" | "dark", number][] => [
        [theme, 360],
        [theme, 1280],
      ]);

/** The rules that a theme or a width may break. The others look at what is the same in all of them. */
const RULES_OF_LOOKS = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"];

/** Fails if, in any of the themes and widths, axe-core finds something wrong with a page, or it scrolls sideways. */
export async function expectSound(page: Page, height = 800): Promise<void> {
  for (const [i, [colorScheme, width]] of VIEWS.entries()) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height });
    const rules = i === 0 ? undefined : RULES_OF_LOOKS;
    expect(await violationsIn(page, rules), `${colorScheme} ${width}`).toEqual([]);
    expect(await overflowOf(page), `${width}`).toBe(0);
  }
}
