// The script of every page under /docs/: its search box.
import MiniSearch from "minisearch";

/** A heading of a page, with the text below it. `url` is relative to /docs/. src/build/docs.ts writes them. */
interface Section {
  readonly page: string;
  readonly heading: string;
  readonly url: string;
  readonly text: string;
}

/** So many results are shown. */
const SHOWN = 12;
/** Characters of a section's text that are shown around the first word found. */
const EXCERPT = 120;

/** On a phone the list of pages comes before the text, so it starts closed. */
function foldNavigation(): void {
  const list = document.querySelector(".contents > details");
  if (matchMedia("(max-width: 52rem)").matches) list?.removeAttribute("open");
}

/** Shows the search box and makes it work: "/" focuses it, the arrows move through the results, Escape closes them. */
function startSearch(): void {
  const box = document.querySelector<HTMLElement>(".search");
  const input = document.querySelector<HTMLInputElement>("#search");
  const panel = box?.querySelector<HTMLElement>(".results");
  const list = document.querySelector<HTMLElement>("#results");
  const found = document.querySelector<HTMLElement>("#found");
  if (!box || !input || !panel || !list || !found) return;
  const base = document.body.dataset["base"] ?? "./";
  let index: ReturnType<typeof load> | undefined;

  const show = async (): Promise<void> => {
    const text = input.value.trim();
    panel.hidden = text === "";
    if (text === "") return list.replaceChildren();
    try {
      index ??= load(`${base}search.json`);
      const { search, sections } = await index;
      const results = search.search(text);
      if (input.value.trim() !== text) return;
      found.textContent = results.length === 0 ? "Nothing found" : `${results.length} found`;
      list.replaceChildren(
        ...results.slice(0, SHOWN).flatMap(({ id, queryTerms }) => {
          const section = sections.get(id);
          return section ? [item(base, section, queryTerms)] : [];
        }),
      );
    } catch {
      index = undefined;
      list.replaceChildren();
      found.textContent = "The index could not be loaded; type again to retry";
    }
  };

  box.hidden = false;
  input.addEventListener("input", () => void show());
  input.addEventListener("focus", () => void show());
  box.addEventListener("focusout", ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && box.contains(relatedTarget))) panel.hidden = true;
  });
  box.addEventListener("keydown", (event) => {
    const links = [...list.querySelectorAll("a")];
    const at = links.findIndex((link) => link === document.activeElement);
    if (event.key === "ArrowDown") (links[at + 1] ?? links[at])?.focus();
    else if (event.key === "ArrowUp") (links[at - 1] ?? input).focus();
    // The index may not be there yet: what is typed is looked up first.
    else if (event.key === "Enter" && at === -1) void show().then(() => list.querySelector("a")?.click());
    else if (event.key === "Escape") {
      input.focus();
      panel.hidden = true;
    } else return;
    event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
}

async function load(url: string) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const sections: Section[] = await response.json();
  const search = new MiniSearch<Section>({
    idField: "url",
    fields: ["heading", "page", "text"],
    searchOptions: {
      prefix: true,
      fuzzy: 0.15,
      combineWith: "AND",
      boost: { heading: 4, page: 2 },
      // Tables of figures name everything, and answer few questions.
      boostDocument: (url) => (String(url).startsWith("benchmark-results") ? 0.2 : 1),
    },
  });
  search.addAll(sections);
  return { search, sections: new Map(sections.map((section) => [section.url, section])) };
}

/** All of it is put in as text. */
function item(base: string, { page, heading, url, text }: Section, terms: readonly string[]): HTMLElement {
  const link = document.createElement("a");
  link.href = base + url;
  const title = document.createElement("strong");
  title.textContent = heading === page ? page : `${page}: ${heading}`;
  const excerpt = document.createElement("span");
  excerpt.textContent = excerptOf(text, terms);
  link.append(title, excerpt);
  const line = document.createElement("li");
  line.append(link);
  return line;
}

function excerptOf(text: string, terms: readonly string[]): string {
  const lower = text.toLowerCase();
  const first = Math.max(0, ...terms.map((term) => lower.indexOf(term)).slice(0, 1));
  const start = Math.max(0, first - EXCERPT / 3);
  return (start > 0 ? "… " : "") + text.slice(start, start + EXCERPT).trim();
}

foldNavigation();
startSearch();
