import type { JsonObject } from "../../protocol/json.ts";
import type { Choice } from "../model/page-url.ts";
import type { Api } from "../model/server-api.ts";
import { fieldAt, type Column } from "../model/columns.ts";
import { byId } from "./dom.ts";
import { FeedsPanel } from "./feeds-panel.ts";
import { PublishPanel } from "./publish-panel.ts";
import { SnippetsPanel } from "./snippets-panel.ts";
import { snippetsFor } from "../model/snippets.ts";

/** What the page shows at a moment. */
export interface Shown {
  readonly choice: Choice;
  /** The entry that is open, or else the first one. */
  readonly key: string | undefined;
  readonly value: JsonObject | undefined;
  /** The field that entries are about. */
  readonly main: Column | undefined;
}

/** Makes the buttons of the bar open their panels. `shown` is asked each time; `onSelect` gets another selection. */
export function setUpPanels(api: Api, shown: () => Shown, onSelect: (choice: Choice) => void): void {
  const { choice } = shown();
  const publish = new PublishPanel(api, choice.feed);
  const snippets = new SnippetsPanel();
  const feeds = new FeedsPanel(api, choice, onSelect);
  byId("open-publish").addEventListener("click", () => {
    const now = shown();
    publish.open(now.key, examplePatch(now), now.value);
  });
  byId("open-snippets").addEventListener("click", () => {
    const now = shown();
    snippets.open(snippetsFor(location.origin, now.choice, now.key, examplePatch(now)));
  });
  for (const id of ["open-feeds", "other-feeds"]) {
    byId(id).addEventListener("click", () => feeds.open(shown().choice));
  }
  for (const button of document.querySelectorAll("dialog .close")) {
    button.addEventListener("click", () => button.closest("dialog")?.close());
  }
}

/** A patch as the feed's entries would take it: of the figure that they are about. */
function examplePatch({ value, main }: Shown): JsonObject {
  const [name] = main?.path ?? [];
  const figure = value === undefined || main === undefined ? undefined : fieldAt(value, main.path);
  if (name === undefined || figure === undefined || main?.path.length !== 1) return { price: 191.2 };
  return Object.fromEntries([[name, figure]]);
}
