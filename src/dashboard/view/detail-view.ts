import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, textOf, type Columns } from "../model/columns.ts";
import { compactJson, directionOf, formatAge } from "../model/format.ts";
import type { Row } from "../model/rows.ts";
import { ChartView, type LoadHistory } from "./chart-view.ts";
import { byId, make, write } from "./dom.ts";

/** Characters of one field that are shown. */
const MAX_TEXT = 4000;

/** The detail of one entry: a chart of one of its numbers, and all its fields. */
export class DetailView {
  /** The key that is shown. Undefined while the view is closed. */
  key: string | undefined;
  readonly chart: ChartView;
  readonly #root = byId("detail");
  readonly #figure = byId("detail-value");
  /** By name. */
  readonly #fields = new Map<string, HTMLElement>();
  #drawn: JsonObject | undefined;

  constructor(loadHistory: LoadHistory, columns: Columns, onClose: () => void) {
    this.chart = new ChartView(loadHistory, columns);
    byId("detail-close").addEventListener("click", onClose);
  }

  open(key: string): void {
    if (key === this.key) return;
    this.key = key;
    this.#drawn = undefined;
    delete this.#figure.dataset["direction"];
    write(byId("detail-key"), key);
    this.#root.hidden = false;
    this.chart.open(key);
  }

  close(): void {
    this.key = undefined;
    this.#root.hidden = true;
    this.chart.close();
  }

  /** `whole`: the value with all its fields, if the row's has not all. `now` in milliseconds since 1970. */
  draw(row: Row | undefined, whole: JsonObject | undefined, now: number): void {
    this.chart.refresh();
    write(byId("detail-age"), ageOf(row, now));
    const value = whole ?? row?.value ?? {};
    const { column } = this.chart;
    if (column !== undefined) {
      const figure = fieldAt(value, column.path);
      const before = this.#drawn === undefined ? undefined : fieldAt(this.#drawn, column.path);
      write(this.#figure, textOf(figure, column) || "–");
      if (before !== undefined && before !== figure) this.#figure.dataset["direction"] = directionOf(before, figure);
    }
    if (value === this.#drawn) return;
    this.#drawn = value;
    this.#drawFields(value);
  }

  /** All fields, without rounding. */
  #drawFields(value: JsonObject): void {
    for (const [name, element] of this.#fields) {
      if (Object.hasOwn(value, name)) continue;
      element.parentElement?.remove();
      this.#fields.delete(name);
    }
    for (const name of Object.keys(value)) {
      const field = value[name] ?? null;
      const text = typeof field === "string" ? field.slice(0, MAX_TEXT) : compactJson(field, MAX_TEXT);
      let element = this.#fields.get(name);
      if (element === undefined) {
        this.#fields.set(name, (element = make("dd")));
        byId("detail-fields").append(make("div", {}, make("dt", {}, name), element));
      }
      write(element, text);
    }
  }
}

function ageOf(row: Row | undefined, now: number): string {
  if (row === undefined) return "not in the feed";
  if (row.changedAt === undefined) return "";
  const age = formatAge(now - row.changedAt);
  return age === "now" ? "changed just now" : `changed ${age} ago`;
}
