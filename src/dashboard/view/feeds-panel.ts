import type { ListAnswer, StatsAnswer } from "../../protocol/answers.ts";
import { formatCount } from "../model/format.ts";
import { choiceProblem, readHz, readKeys, writeChoice, type Choice } from "../model/page-url.ts";
import type { ApiResult, ServerApi } from "../model/server-api.ts";
import { statsText } from "../model/status-words.ts";
import { byId, make, write } from "./dom.ts";

/** Milliseconds between two requests while the panel is open. Each request keeps a feed from hibernating. */
const REFRESH = 5000;

type ListedFigures = ListAnswer["feeds"][number];

/** The server's feeds to choose from, the figures of the shown one, and its selection. */
export class FeedsPanel {
  readonly #api: ServerApi;
  readonly #dialog = byId("feeds", HTMLDialogElement);
  readonly #keys = byId("select-keys", HTMLInputElement);
  readonly #hz = byId("select-hz", HTMLInputElement);
  #choice: Choice;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `onSelect` gets the choice with another selection. Another feed is a link to another URL. */
  constructor(api: ServerApi, choice: Choice, onSelect: (choice: Choice) => void) {
    this.#api = api;
    this.#choice = choice;
    byId("select-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#choice = { ...this.#choice, keys: readKeys(this.#keys.value), hz: readHz(this.#hz.value) };
      onSelect(this.#choice);
      this.#dialog.close();
    });
    this.#dialog.addEventListener("close", () => clearTimeout(this.#timer));
  }

  open(choice: Choice): void {
    this.#choice = choice;
    this.#keys.value = choice.keys.join(", ");
    this.#hz.value = choice.hz === undefined ? "" : String(choice.hz);
    this.#dialog.showModal();
    void this.#refresh();
  }

  async #refresh(): Promise<void> {
    const [list, stats] = await Promise.all([this.#api.list(), this.#stats()]);
    if (!this.#dialog.open) return;
    write(byId("feeds-note"), noteOn(list));
    if (list.ok) this.#showList(list.value.feeds);
    if (stats?.ok) this.#showStats(stats.value);
    this.#timer = setTimeout(() => void this.#refresh(), REFRESH);
  }

  /** Returns undefined if the choice is not a feed. */
  async #stats(): Promise<ApiResult<StatsAnswer> | undefined> {
    const isFeed = choiceProblem(this.#choice) === undefined;
    for (const id of ["feed-figures", "feed-selection"]) byId(id).hidden = !isFeed;
    return isFeed ? this.#api.stats(this.#choice.feed) : undefined;
  }

  #showList(feeds: readonly ListedFigures[]): void {
    const body = byId("feeds-list");
    // A link has to stay the same element: the reader may be about to click it.
    const known = new Map([...body.children].map((row) => [row.getAttribute("data-feed"), row]));
    body.replaceChildren(...feeds.map((feed) => this.#row(feed, known.get(feed.feed))));
  }

  #row({ feed, keys, subscribers, seq }: ListedFigures, known: Element | undefined): Element {
    const row = known ?? this.#newRow(feed);
    for (const [index, figure] of [keys, subscribers, seq].entries()) {
      const cell = row.children[index + 1];
      if (cell) write(cell, formatCount(figure));
    }
    return row;
  }

  #newRow(feed: string): HTMLElement {
    const href = writeChoice({ feed, keys: [], hz: undefined, show: undefined });
    const link = make("a", { href }, feed);
    if (feed === this.#choice.feed) link.setAttribute("aria-current", "page");
    return make("tr", { "data-feed": feed }, make("th", { scope: "row" }, link), make("td"), make("td"), make("td"));
  }

  #showStats(stats: StatsAnswer): void {
    byId("feed-stats").replaceChildren(
      ...statsText(stats, Date.now()).map(([name, text]) =>
        make("div", {}, make("dt", {}, name), make("dd", {}, text)),
      ),
    );
  }
}

function noteOn(list: ApiResult<ListAnswer>): string {
  if (!list.ok) return `${list.title}. ${list.detail}`;
  return list.value.feeds.length === 0 ? "No feed has been published to yet." : "";
}
