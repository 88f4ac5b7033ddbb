import axe from "axe-core";

/** To be evaluated in a page before `AXE_RUN`. */
export const AXE_SOURCE = axe.source;

/** What is wrong with the page. What is right with it is counted, and not described, which would take longer than all else. */
export const AXE_RUN = 'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)';

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
