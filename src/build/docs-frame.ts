// What stands around the text of a page under /docs/: the bar with the search box, the navigation, the way on. No inline
// script or style, as the Content-Security-Policy of public/_headers allows none. All links are relative.

export interface Page {
  /** In the repository. */
  file: string;
  /** Under /docs/, without `.html`. */
  name: string;
  title: string;
  html: string;
  /** For the search. */
  sections: Section[];
}

/** A heading of a page, with the text below it. `url` is relative to /docs/. */
interface Section {
  page: string;
  heading: string;
  url: string;
  text: string;
}

interface Group {
  title: string;
  pages: Page[];
}

export function frame(page: Page, groups: readonly Group[], previous?: Page, next?: Page): string {
  const base = up(page.name);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escape(page.title)} · Tickertape</title>
    <link rel="icon" href="${base}../favicon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="${base}../tokens.css" />
    <link rel="stylesheet" href="${base}../base.css" />
    <link rel="stylesheet" href="${base}docs.css" />
    <script type="module" src="${base}theme.js"></script>
    <script type="module" src="${base}../assets/docs.js"></script>
  </head>
  <body data-base="${base}">
    <a class="skip" href="#content">Skip to the content</a>
    <header class="bar">
      <a class="brand" href="${base}" aria-label="Tickertape docs">
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <path d="M1 14l4.5-5 3.5 3 4.5-6.5L19 9" />
        </svg>
        <span>Tickertape docs</span>
      </a>
      <div class="search" role="search" hidden>
        <input id="search" type="search" placeholder="Search (press /)" aria-label="Search the documentation" autocomplete="off" spellcheck="false" />
        <div class="results" hidden>
          <p id="found" class="quiet" role="status"></p>
          <ul id="results"></ul>
        </div>
      </div>
      <nav class="pages" aria-label="Elsewhere">
        <a href="${base}../">Dashboard</a>
        <a href="${base}explorer/">API explorer</a>
      </nav>
    </header>
    <div class="columns">
      <nav class="contents" aria-label="Pages">
        <details open>
          <summary>All pages</summary>
          ${groups.map((group) => navigation(group, page)).join("\n          ")}
        </details>
      </nav>
      <main id="content">
        <div class="prose">
${page.html}
        </div>
        <nav class="onward" aria-label="Before and after">${neighbour(page, previous, "Before")}${neighbour(page, next, "Next")}</nav>
      </main>
    </div>
  </body>
</html>
`;
}

function navigation({ title, pages }: Group, current: Page): string {
  const links = pages.map((page) => {
    const here = page === current ? ' aria-current="page"' : "";
    return `<li><a href="${hrefOf(current, page)}"${here}>${escape(page.title)}</a></li>`;
  });
  return `<h2>${escape(title)}</h2><ul>${links.join("")}</ul>`;
}

function neighbour(from: Page, to: Page | undefined, word: string): string {
  return to ? `<a href="${hrefOf(from, to)}">${word}: ${escape(to.title)}</a>` : "";
}

const hrefOf = (from: Page, to: Page): string => up(from.name) + urlOf(to.name);

/** The URL of a page below /docs/: that of an index is its folder. */
export const urlOf = (name: string): string => name.replace(/(^|\/)index$/, "$1");

/** From a page to the folder of all pages. */
export const up = (name: string): string => "../".repeat(name.split("/").length - 1) || "./";

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
