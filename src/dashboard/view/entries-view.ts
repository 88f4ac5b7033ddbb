import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column } from "../model/columns.ts";
import { numberOf } from "../model/format.ts";
import type { Choice } from "../model/page-url.ts";
import { snippetsFor } from "../model/snippets.ts";
import { byId, offer, write } from "./dom.ts";
import { serverAddress } from "./server-address.ts";
import { TableView, type EntriesModel, type TableEvents } from "./table-view.ts";

/** The table and what is around it: the filter, the choice of the trend's field, and the texts in place of rows. */
export class EntriesView {
  readonly table: TableView;
  readonly #model: EntriesModel;
  readonly #onChange: () => void;
  readonly #filter = byId("filter", HTMLInputElement);
  readonly #trend = byId("trend-field", HTMLSelectElement);
  #chosenTrend: Column | undefined;
  #shownTrend: Column | undefined;

  constructor(model: EntriesModel, events: TableEvents) {
    this.#model = model;
    this.#onChange = events.onChange;
    this.table = new TableView(model, events);
    this.#filter.addEventListener("input", () => this.#filterBy(this.#filter.value));
    this.#filter.addEventListener("keydown", (event) => this.#onFilterKey(event));
    byId("unfilter").addEventListener("click", () => this.#filterBy(""));
    this.#trend.addEventListener("change", () => {
      this.#chosenTrend = model.columns.byId(this.#trend.value);
      events.onChange();
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isField(event.target)) return;
      event.preventDefault();
      this.#filter.focus();
      this.#filter.select();
    });
  }

  /** The field whose trend each row shows. */
  get #trendColumn(): Column | undefined {
    return this.#chosenTrend ?? this.#model.columns.main.column;
  }

  /** Adds a value to its key's trend. `now` in milliseconds since 1970. */
  addToTrend(key: string, value: JsonObject, now: number): void {
    const column = this.#shownTrend;
    const number = column === undefined ? undefined : numberOf(fieldAt(value, column.path));
    if (number !== undefined) this.#model.trends.add(key, number, now);
  }

  focus(): void {
    byId("entries").focus();
  }

  /** `now` in milliseconds since 1970. `live`: whether the page has all entries. */
  draw(now: number, flashing: boolean, live: boolean): void {
    this.#showTrendChoice();
    const { rows, columns } = this.#model;
    const empty = rows.order.length === 0;
    byId("scroller").hidden = empty;
    byId("nothing-yet").hidden = !(live && rows.size === 0);
    byId("nothing-found").hidden = !(empty && rows.size > 0);
    byId("connecting").hidden = live || rows.size > 0;
    this.table.draw(now, flashing, this.#trendColumn);
    byId("clipped").hidden = !columns.clipped;
  }

  showSelection(choice: Choice): void {
    const { keys, hz } = choice;
    const parts = [keys.length === 0 ? "all keys" : keys.join(", "), ...(hz === undefined ? [] : [`${hz} Hz`])];
    write(byId("selection"), parts.join(" · "));
    byId("unselected").hidden = keys.length === 0;
    write(byId("example"), snippetsFor(serverAddress, choice)[0]?.text ?? "");
  }

  #filterBy(text: string): void {
    this.#filter.value = text;
    this.#model.rows.filter(text);
    write(byId("filter-text"), text);
    this.#onChange();
  }

  #onFilterKey(event: KeyboardEvent): void {
    if (event.key === "Escape") {
      // The detail stays open: each press closes one thing.
      event.stopPropagation();
      this.#filterBy("");
      this.focus();
    }
    if (event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    this.focus();
  }

  #showTrendChoice(): void {
    const { numeric } = this.#model.columns;
    const column = this.#trendColumn;
    offer(this.#trend, numeric, column);
    byId("trend-choice").hidden = numeric.length === 0;
    if (column === this.#shownTrend) return;
    this.#shownTrend = column;
    this.#model.trends.clear();
    if (column === undefined) return;
    for (const { key, value } of this.#model.rows.values()) this.addToTrend(key, value, 0);
  }
}

function isField(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input, textarea, select");
}
