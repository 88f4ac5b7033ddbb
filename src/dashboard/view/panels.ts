import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column } from "../model/columns.ts";
import type { Choice } from "../model/page-url.ts";
import type { ServerApi } from "../model/server-api.ts";
import { EXAMPLE_PATCH, snippetsFor, type Snippet } from "../model/snippets.ts";
import { byId, make } from "./dom.ts";
import { FeedsPanel } from "./feeds-panel.ts";
import { PublishPanel } from "./publish-panel.ts";
import { serverAddress } from "./server-address.ts";

/** What the page shows at a moment. */
export interface Shown {
  readonly choice: Choice;
  /** The entry whose detail is open, or else the first one. */
  readonly key: string | undefined;
  readonly value: JsonObject | undefined;
  /** The most important field of the entries. */
  readonly main: Column | undefined;
}

/** Lets the buttons of the bar open their panels. `shown` is called each time. `onSelect` gets another selection. */
export function setUpPanels(api: ServerApi, shown: () => Shown, onSelect: (choice: Choice) => void): void {
  const { choice } = shown();
  const publish = new PublishPanel(api, choice.feed);
  const feeds = new FeedsPanel(api, choice, onSelect);
  byId("open-publish").addEventListener("click", () => {
    const now = shown();
    publish.open(now.key, examplePatch(now), now.value);
  });
  byId("open-snippets").addEventListener("click", () => {
    const now = shown();
    openSnippets(snippetsFor(serverAddress, now.choice, now.key, examplePatch(now)));
  });
  for (const id of ["open-feeds", "other-feeds"]) {
    byId(id).addEventListener("click", () => feeds.open(shown().choice));
  }
  for (const button of document.querySelectorAll("dialog .close")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
}

/** A patch that fits the feed's entries: of their most important figure. */
function examplePatch({ value, main }: Shown): JsonObject {
  const [name] = main?.path ?? [];
  const figure = value === undefined || main === undefined ? undefined : fieldAt(value, main.path);
  if (name === undefined || figure === undefined || main?.path.length !== 1) return EXAMPLE_PATCH;
  return Object.fromEntries([[name, figure]]);
}

/** Shows code for the feed, each piece with a button that copies it. */
function openSnippets(snippets: readonly Snippet[]): void {
  byId("snippets-list").replaceChildren(...snippets.map((snippet) => sectionOf(snippet)));
  byId("snippets", HTMLDialogElement).showModal();
}

function sectionOf({ id, title, text }: Snippet): HTMLElement {
  const code = make("code", {}, text);
  const button = make("button", { type: "button", class: "copy", "aria-label": `Copy: ${title}` }, "Copy");
  const heading = make("h3", { id: `snippet-${id}` }, title);
  button.addEventListener("click", () => void copy(text, code).then((copied) => showCopied(button, copied)));
  return make(
    "section",
    { class: "snippet", "data-snippet": id },
    make("header", {}, heading, button),
    make("pre", { tabindex: "0", role: "region", "aria-labelledby": heading.id }, code),
  );
}

/** Returns whether it worked. Without a secure context there is no clipboard: the text is selected for the reader to copy. */
async function copy(text: string, code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return false;
  }
}

/** Milliseconds for which a button shows that it has copied. */
const SHOWN_FOR = 2000;

function showCopied(button: HTMLElement, copied: boolean): void {
  button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
  setTimeout(() => (button.textContent = "Copy"), SHOWN_FOR);
}
