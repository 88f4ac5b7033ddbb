import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, textOf, type Columns, type MainField } from "../model/columns.ts";
import { compactJson, directionOf, formatAge } from "../model/format.ts";
import type { Row } from "../model/rows.ts";
import { ChartView, type LoadHistory } from "./chart-view.ts";
import { byId, make, write } from "./dom.ts";

/** The detail of one entry: a chart of one of its numbers, and all its fields. */
export class DetailView {
  /** The key that is shown. Undefined while the view is closed. */
  key: string | undefined;
  readonly #root = byId("detail");
  readonly #figure = byId("detail-value");
  readonly #chart: ChartView;
  readonly #fields = new FieldsView(byId("detail-fields"));
  #drawn: JsonObject | undefined;

  constructor(loadHistory: LoadHistory, model: { columns: Columns; main: MainField }, onClose: () => void) {
    this.#chart = new ChartView(loadHistory, model);
    byId("detail-close").addEventListener("click", onClose);
  }

  open(key: string): void {
    if (key === this.key) return;
    this.key = key;
    this.#drawn = undefined;
    delete this.#figure.dataset["direction"];
    write(byId("detail-key"), key);
    this.#root.hidden = false;
    this.#chart.open(key);
  }

  close(): void {
    this.key = undefined;
    this.#root.hidden = true;
    this.#chart.close();
  }

  /** The key has changed. `seq`: the feed's after the change. `time` in milliseconds since 1970. */
  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#chart.add(seq, time, value);
  }

  /** Updates were missed: the chart loads them from the history. `fromScratch`: the history before is no longer valid. */
  refill(fromScratch: boolean): void {
    this.#chart.refill(fromScratch);
  }

  /** `now` in milliseconds since 1970. */
  draw(row: Row | undefined, now: number): void {
    this.#chart.refresh();
    write(byId("detail-age"), ageOf(row, now));
    const value = row?.value ?? {};
    const { column } = this.#chart;
    if (column !== undefined) {
      const figure = fieldAt(value, column.path);
      const before = this.#drawn === undefined ? undefined : fieldAt(this.#drawn, column.path);
      write(this.#figure, textOf(figure, column) || "–");
      if (before !== undefined && before !== figure) this.#figure.dataset["direction"] = directionOf(before, figure);
    }
    if (value === this.#drawn) return;
    this.#drawn = value;
    this.#fields.draw(value);
  }

  recolour(): void {
    this.#chart.recolour();
  }
}

function ageOf(row: Row | undefined, now: number): string {
  if (row === undefined) return "not in the feed";
  if (row.changedAt === undefined) return "";
  const age = formatAge(now - row.changedAt);
  return age === "now" ? "changed just now" : `changed ${age} ago`;
}

/** Characters of one field that are shown. */
const MAX_TEXT = 4000;

/** All fields of one value, without rounding. */
class FieldsView {
  readonly #list: HTMLElement;
  readonly #shown = new Map<string, HTMLElement>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  draw(value: JsonObject): void {
    for (const [name, element] of this.#shown) {
      if (Object.hasOwn(value, name)) continue;
      element.parentElement?.remove();
      this.#shown.delete(name);
    }
    for (const name of Object.keys(value)) {
      const field = value[name] ?? null;
      const text = typeof field === "string" ? field.slice(0, MAX_TEXT) : compactJson(field, MAX_TEXT);
      write(this.#shown.get(name) ?? this.#add(name), text);
    }
  }

  #add(name: string): HTMLElement {
    const element = make("dd");
    this.#list.append(make("div", {}, make("dt", {}, name), element));
    this.#shown.set(name, element);
    return element;
  }
}
