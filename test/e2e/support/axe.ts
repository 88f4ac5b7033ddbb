import axe from "axe-core";

/** To be evaluated in a page before `AXE_RUN`. */
export const AXE_SOURCE = axe.source;

/** What is wrong with the page. What is right with it is counted, and not described, which would take longer than all else. */
export const AXE_RUN = 'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)';
