// Renders the Markdown of the documentation to the pages under /docs/, with an index for their search box. The Markdown
// is written to be read in the repository too: a link to another `.md` file becomes a link to its page.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";
import { Marked } from "marked";
import { escape, frame, up, urlOf } from "./docs-frame.mjs";

/** @import { Page, Section } from "./docs-frame.mjs" */

/** The pages in the order of the navigation, as paths in the repository. Decision records follow by themselves. */
const GROUPS = [
  {
    title: "Guides",
    files: ["docs/README.md", "docs/publish.md", "docs/watch.md", "docs/react.md", "docs/examples.md"],
  },
  {
    title: "Run it",
    files: ["docs/operate.md", "docs/private-data.md", "docs/settings.md", "docs/cost.md", "SECURITY.md"],
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
export const isGenerated = (/** @type {string} */ name) => /\.html$|^(decisions|images|search\.json)$/.test(name);

/**
 * Renders all pages. Throws where a link leads to a page or heading that does not exist.
 * @param {string} root the folder of the repository
 * @returns {{ path: string, contents: Uint8Array }[]}
 */
export function renderDocs(root) {
  const decisions = readdirSync(join(root, "docs/decisions")).toSorted();
  const groups = [
    ...GROUPS,
    {
      title: "Decisions",
      files: ["README.md", ...decisions.filter((name) => name !== "README.md")].map((name) => `docs/decisions/${name}`),
    },
  ].map(({ title, files }) => ({ title, pages: files.map((file) => render(root, file)) }));
  const pages = groups.flatMap((group) => group.pages);
  checkLinks(pages);

  const file = (/** @type {string} */ name, /** @type {string} */ text) => ({
    path: join(root, OUT, name),
    contents: Buffer.from(text),
  });
  const images = existsSync(join(root, "docs/images")) ? readdirSync(join(root, "docs/images")) : [];
  return [
    ...pages.map((page, i) =>
      file(`${page.name}.html`, frame(page, groups, { previous: pages[i - 1], next: pages[i + 1] })),
    ),
    file("search.json", JSON.stringify(pages.flatMap(({ sections }) => sections))),
    ...images.map((name) => ({
      path: join(root, OUT, "images", name),
      contents: readFileSync(join(root, "docs/images", name)),
    })),
  ];
}

/** The name under /docs/ of a file of the repository. @param {string} file */
function nameOf(file) {
  if (file === "docs/README.md") return "index";
  if (file === "docs/decisions/README.md") return "decisions/index";
  if (file.startsWith("docs/")) return file.slice("docs/".length, -".md".length);
  return posix.basename(file, ".md").toLowerCase();
}

/**
 * @param {string} root
 * @param {string} file
 * @returns {Page}
 */
function render(root, file) {
  const name = nameOf(file);
  const state = { file, name, slugs: new Set(), sections: /** @type {Section[]} */ ([]), title: "" };
  const marked = new Marked({ renderer: rendererOf(state) });
  const markdown = readFileSync(join(root, file), "utf8");
  const html = marked.parse(markdown, { async: false });
  return { file, name, title: state.title || name, html, sections: state.sections };
}

/**
 * How headings, links, tables and code become HTML. Everything else is as marked has it.
 * @param {{ file: string, name: string, slugs: Set<string>, sections: Section[], title: string }} state
 * @returns {import("marked").RendererObject}
 */
function rendererOf(state) {
  const note = (/** @type {string} */ text) => {
    const section = state.sections.at(-1);
    if (section) section.text += `${text} `;
  };
  return {
    heading({ tokens, depth }) {
      const inner = this.parser.parseInline(tokens);
      const text = plain(inner);
      const id = slug(text, state.slugs);
      if (depth === 1) state.title = text;
      const url = urlOf(state.name) + (depth === 1 ? "" : `#${id}`);
      state.sections.push({ page: state.title, heading: text, url, text: "" });
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
      const label = lang ? ` aria-label="${escape(lang)}"` : "";
      return `<pre tabindex="0" role="group"${label || ' aria-label="Code"'}><code>${escape(text)}</code></pre>\n`;
    },
    table(token) {
      const cells = (/** @type {import("marked").Tokens.TableCell[]} */ row, /** @type {"th" | "td"} */ tag) =>
        row
          .map(
            ({ tokens, align }) =>
              `<${tag}${align ? ` class="${align}"` : ""}>${this.parser.parseInline(tokens)}</${tag}>`,
          )
          .join("");
      const head = cells(token.header, "th").replaceAll("<th", '<th scope="col"');
      const body = token.rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
      note(plain(body.replaceAll("</td>", " ")));
      const label = escape(token.header.map(({ text }) => text).join(", "));
      return `<div class="scroll" role="group" tabindex="0" aria-label="${label}"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>\n`;
    },
    link({ href, tokens }) {
      const inner = this.parser.parseInline(tokens);
      const to = target(href, state);
      return to === undefined ? inner : `<a href="${escape(to)}">${inner}</a>`;
    },
    image({ href, text }) {
      return `<img src="${up(state.name)}${escape(posix.normalize(posix.join(posix.dirname(state.file), href)).replace(/^docs\//, ""))}" alt="${escape(text)}" />`;
    },
  };
}

/** Gives each numbered rule, such as `**[PUB3]**`, an anchor of its own. @param {string} html */
function rules(html) {
  return html.replace(/<strong>\[([A-Z]+\d+)\]/, '<strong id="$1"><a href="#$1">[$1]</a>');
}

/**
 * Where a link leads on the site: undefined for a file of the repository that is no page, which stays as text.
 * @param {string} href
 * @param {{ file: string, name: string }} from
 */
function target(href, from) {
  if (/^[a-z]+:/.test(href) || href.startsWith("#")) return href;
  // What the server itself answers, such as /openapi.json.
  if (href.startsWith("/")) return href;
  const [path = "", anchor] = href.split("#");
  const file = posix.normalize(posix.join(posix.dirname(from.file), path));
  if (!file.endsWith(".md")) return undefined;
  const name = file === "README.md" ? "index" : nameOf(file);
  return up(from.name) + urlOf(name) + (anchor === undefined ? "" : `#${anchor}`);
}

/** @param {Page[]} pages */
function checkLinks(pages) {
  const ids = new Map(pages.map(({ name, html }) => [urlOf(name) || "./", new Set(html.match(/(?<= id=")[^"]+/g))]));
  for (const { file, name, html } of pages) {
    for (const [, href = ""] of html.matchAll(/ href="(\.[^"]*|#[^"]*)"/g)) {
      const [path = "", anchor] = href.split("#");
      const to = path === "" ? urlOf(name) || "./" : posix.normalize(posix.join(posix.dirname(name), path));
      const found = ids.get(to);
      if (!found) throw new Error(`${file} links to ${href}, which is no page`);
      if (anchor && !found.has(anchor)) throw new Error(`${file} links to ${href}, and that page has no such heading`);
    }
  }
}

/**
 * The id of a heading, as code hosts make it, so that links to it work in both places.
 * @param {string} text
 * @param {Set<string>} taken
 */
function slug(text, taken) {
  const base = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
  let id = base;
  for (let i = 1; taken.has(id); i++) id = `${base}-${i}`;
  taken.add(id);
  return id;
}

/** The text of some HTML that marked made. @param {string} html */
function plain(html) {
  return html
    .replace(/<[^>]+>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")
    .replace(/\s+/g, " ");
}
