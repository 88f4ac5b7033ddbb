import type { JsonObject } from "../../protocol/json.ts";
import { ChartView, type LoadHistory } from "./chart-view.ts";
import { fieldAt, textOf, type Columns } from "../model/columns.ts";
import { byId, write } from "./dom.ts";
import { FieldsView } from "./fields-view.ts";
import { directionOf, formatAge } from "../model/format.ts";
import type { MainField } from "../model/main-field.ts";
import type { Row } from "../model/rows.ts";

/** What the page knows of one key: a chart of one of its numbers, and all its fields. */
export class DetailView {
  /** The key that is shown; none while the view is closed. */
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

  /** Takes in a change of the key. `seq`: the feed's after it; `time` in milliseconds since 1970. */
  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#chart.add(seq, time, value);
  }

  /** Updates were missed, which its history has; `anew`: the feed itself is another. */
  refill(anew: boolean): void {
    this.#chart.refill(anew);
  }

  /** `now` in milliseconds since 1970. */
  draw(row: Row | undefined, now: number): void {
    this.#chart.offer();
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
