// Renders the Markdown of the documentation to the pages under /docs/, with an index for their search box. The Markdown
// is written to be read in the repository too: a link to another `.md` file becomes a link to its page.
import { readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { Marked, type RendererObject, type Tokens } from "marked";
import { escape, frame, up, urlOf, type Page } from "./docs-frame.ts";

/** The pages in the order of the navigation, as paths in the repository. Decision records follow by themselves. */
const GROUPS = [
  {
    title: "Guides",
    files: [
      "docs/README.md",
      "docs/publish.md",
      "docs/watch.md",
      "docs/react.md",
      "docs/elements.md",
      "docs/cli.md",
      "docs/examples.md",
    ],
  },
  {
    title: "Run it",
    files: [
      "docs/operate.md",
      "docs/own-worker.md",
      "docs/private-data.md",
      "docs/settings.md",
      "docs/cost.md",
      "docs/upgrade.md",
      "SECURITY.md",
    ],
  },
  { title: "Reference", files: ["docs/api.md", "src/protocol/SPEC.md", "CHANGELOG.md"] },
  {
    title: "Inside",
    files: ["docs/architecture.md", "CONTRIBUTING.md", "docs/benchmarks.md", "docs/benchmark-results.md"],
  },
];

/** Where the pages are, from the root of the repository. Their CSS and the API explorer are there already. */
export const OUT = "public/docs";

/** What is generated there, as names in it: a build removes those that it has not made. */
export const isGenerated = (name: string): boolean => /\.html$|^(decisions|images|search\.json)$/.test(name);

/** A file to be written. */
export interface SiteFile {
  path: string;
  contents: Uint8Array;
}

/** Renders all pages. Throws where a link leads to a page or heading that does not exist. `root`: of the repository. */
export function renderDocs(root: string): SiteFile[] {
  const decisions = readdirSync(join(root, "docs/decisions")).filter((name) => name !== "README.md");
  const files = ["README.md", ...decisions.toSorted()].map((name) => `docs/decisions/${name}`);
  const groups = [...GROUPS, { title: "Decisions", files }].map(({ title, files }) => ({
    title,
    pages: files.map((file) => render(root, file)),
  }));
  const pages = groups.flatMap((group) => group.pages);
  checkLinks(pages);

  const file = (name: string, contents: string | Buffer): SiteFile => ({
    path: join(root, OUT, name),
    contents: Buffer.from(contents),
  });
  return [
    ...pages.map((page, i) => file(`${page.name}.html`, frame(page, groups, pages[i - 1], pages[i + 1]))),
    file("search.json", JSON.stringify(pages.flatMap(({ sections }) => sections))),
    ...readdirSync(join(root, "docs/images")).map((name) =>
      file(`images/${name}`, readFileSync(join(root, "docs/images", name))),
    ),
  ];
}

/** The name under /docs/ of a file of the repository. */
function nameOf(file: string): string {
  if (file.startsWith("docs/")) return file.slice("docs/".length, -".md".length).replace("README", "index");
  return posix.basename(file, ".md").toLowerCase();
}

function render(root: string, file: string): Page {
  const page: Page = { file, name: nameOf(file), title: "", html: "", sections: [] };
  page.html = new Marked({ renderer: rendererOf(page) }).parse(readFileSync(join(root, file), "utf8"), {
    async: false,
  });
  return page;
}

/** How headings, links, tables and code become HTML. Everything else is as marked has it. Fills the title and the sections. */
function rendererOf(page: Page): RendererObject {
  const slugs = new Set<string>();
  const note = (text: string): void => {
    const section = page.sections.at(-1);
    if (section) section.text += `${text} `;
  };
  return {
    heading({ tokens, depth }) {
      const inner = this.parser.parseInline(tokens);
      const text = plain(inner);
      const id = slug(text, slugs);
      if (depth === 1) page.title = text;
      const url = urlOf(page.name) + (depth === 1 ? "" : `#${id}`);
      page.sections.push({ page: page.title, heading: text, url, text: "" });
      return `<h${depth} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to: ${escape(text)}">#</a></h${depth}>\n`;
    },
    paragraph({ tokens }) {
      const inner = this.parser.parseInline(tokens);
      note(plain(inner));
      return `<p>${rules(inner)}</p>\n`;
    },
    listitem(item) {
      const inner = this.parser.parse(item.tokens);
      if (!item.loose) note(plain(inner));
      return `<li>${rules(inner)}</li>\n`;
    },
    code({ text, lang }) {
      note(text);
      return `<pre tabindex="0" role="group" aria-label="${escape(lang || "Code")}"><code>${escape(text)}</code></pre>\n`;
    },
    table(token) {
      const cell = ({ tokens, align, header }: Tokens.TableCell): string => {
        const tag = header ? "th" : "td";
        const attributes = (header ? ' scope="col"' : "") + (align ? ` class="${align}"` : "");
        return `<${tag}${attributes}>${this.parser.parseInline(tokens)}</${tag}>`;
      };
      const head = token.header.map(cell).join("");
      const body = token.rows.map((row) => `<tr>${row.map(cell).join("")}</tr>`).join("\n");
      note(plain(body.replaceAll("</td>", " ")));
      const label = escape(token.header.map(({ text }) => text).join(", "));
      return `<div class="scroll" role="group" tabindex="0" aria-label="${label}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>\n`;
    },
    link({ href, tokens }) {
      const inner = this.parser.parseInline(tokens);
      const to = target(href, page);
      return to === undefined ? inner : `<a href="${escape(to)}">${inner}</a>`;
    },
    image({ href, text }) {
      const path = posix.join(posix.dirname(page.file), href).replace(/^docs\//, "");
      return `<img src="${up(page.name)}${escape(path)}" alt="${escape(text)}" />`;
    },
  };
}

/** Gives each numbered rule, such as `**[PUB3]**`, an anchor of its own. */
function rules(html: string): string {
  return html.replace(/<strong>\[([A-Z]+\d+)\]/, '<strong id="$1"><a href="#$1">[$1]</a>');
}

/** Where a link leads on the site: undefined for a file of the repository that is no page, which stays as text. */
function target(href: string, from: Page): string | undefined {
  if (/^([a-z]+:|#)/.test(href)) return href;
  // A `/` begins what the server itself answers, such as /openapi.json, wherever it is mounted.
  if (href.startsWith("/")) return `${up(from.name)}..${href}`;
  const [path = "", anchor] = href.split("#");
  const file = posix.join(posix.dirname(from.file), path);
  if (!file.endsWith(".md")) return undefined;
  const name = file === "README.md" ? "index" : nameOf(file);
  return up(from.name) + urlOf(name) + (anchor === undefined ? "" : `#${anchor}`);
}

function checkLinks(pages: readonly Page[]): void {
  const ids = new Map(pages.map(({ name, html }) => [urlOf(name) || "./", new Set(html.match(/(?<= id=")[^"]+/g))]));
  for (const { file, name, html } of pages) {
    for (const [, href = ""] of html.matchAll(/ href="(\.[^"]*|#[^"]*)"/g)) {
      const [path = "", anchor] = href.split("#");
      const to = path === "" ? urlOf(name) || "./" : posix.join(posix.dirname(name), path);
      // Outside of /docs/: what the server itself answers.
      if (to.startsWith("../")) continue;
      const found = ids.get(to);
      if (!found) throw new Error(`${file} links to ${href}, which is no page`);
      if (anchor && !found.has(anchor)) throw new Error(`${file} links to ${href}, and that page has no such heading`);
    }
  }
}

/** The id of a heading, as code hosts make it, so that links to it work in both places. */
function slug(text: string, taken: Set<string>): string {
  const base = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
  let id = base;
  for (let i = 1; taken.has(id); i++) id = `${base}-${i}`;
  taken.add(id);
  return id;
}

/** The text of some HTML that marked made. */
function plain(html: string): string {
  return html
    .replace(/<[^>]+>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ");
}
