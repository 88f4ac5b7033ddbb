import { byId, make } from "./dom.ts";
import type { Snippet } from "../model/snippets.ts";

/** Milliseconds that a button says that it has copied. */
const SAID = 2000;

/** Code for the feed that is shown, each piece with a button that copies it. */
export class SnippetsPanel {
  readonly #dialog = byId("snippets", HTMLDialogElement);

  open(snippets: readonly Snippet[]): void {
    byId("snippets-list").replaceChildren(...snippets.map((snippet) => piece(snippet)));
    this.#dialog.showModal();
  }
}

function piece({ id, title, text }: Snippet): HTMLElement {
  const code = make("code", {}, text);
  const button = make("button", { type: "button", class: "copy" }, "Copy");
  const heading = make("h3", { id: `snippet-${id}` }, title);
  button.setAttribute("aria-label", `Copy: ${title}`);
  button.addEventListener("click", () => void copy(text, code).then((copied) => say(button, copied)));
  return make(
    "section",
    { class: "snippet", "data-snippet": id },
    make("header", {}, heading, button),
    make("pre", { tabindex: "0", role: "region", "aria-labelledby": heading.id }, code),
  );
}

/** Without a secure context there is no clipboard; the text is selected then, for the reader to copy. */
async function copy(text: string, code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(code);
    return false;
  }
}

function say(button: HTMLElement, copied: boolean): void {
  button.textContent = copied ? "Copied" : "Selected: press Ctrl+C";
  setTimeout(() => (button.textContent = "Copy"), SAID);
}
