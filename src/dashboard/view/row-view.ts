import type { Json } from "../../protocol/json.ts";
import { fieldAt, textOf, type Column } from "../model/columns.ts";
import { make } from "./dom.ts";
import type { Flashes } from "./flash.ts";
import { directionOf, formatAge } from "../model/format.ts";
import type { Row } from "../model/rows.ts";
import { Sparkline } from "./sparkline.ts";
import type { Trend } from "../model/trends.ts";

interface Cell {
  readonly element: HTMLElement;
  readonly text: Text;
  value: Json | undefined;
}

/** Rows are absolute and moved by a transform, so that no row's place depends on another's. */
export class RowView {
  readonly element: HTMLElement;
  row: Row | undefined;
  readonly #key = make("th", { role: "rowheader", scope: "row", class: "key" });
  readonly #trend = new Sparkline(72, 20);
  readonly #changed = make("td", { role: "gridcell", class: "age", "data-column": "changed" });
  readonly #cells: Cell[] = [];
  readonly #flashes: Flashes;
  #revision = -1;
  #top = -1;

  constructor(id: string, flashes: Flashes) {
    this.#flashes = flashes;
    const trend = make("td", { role: "gridcell", class: "trend" }, this.#trend.element);
    this.element = make("tr", { role: "row", id }, this.#key, trend, this.#changed);
  }

  /** Moves it to its place, in pixels, and says the `index` of its row among all. */
  place(index: number, top: number): void {
    if (top !== this.#top) {
      this.#top = top;
      this.element.style.transform = `translateY(${top}px)`;
    }
    // The header is row 1.
    const rowIndex = String(index + 2);
    if (this.element.ariaRowIndex !== rowIndex) this.element.ariaRowIndex = rowIndex;
  }

  /** Shows a row. `revision` is the columns'; `flashing`: whether changes are to be pointed out. */
  show(row: Row, columns: readonly Column[], revision: number, flashing: boolean): void {
    const isSame = this.row === row;
    if (!isSame) {
      this.row = row;
      this.element.dataset["key"] = row.key;
      this.#key.textContent = row.key;
    }
    const isFitted = this.#revision === revision;
    this.#revision = revision;
    for (const [index, column] of columns.entries()) {
      const cell = this.#cells[index] ?? this.#addCell(column);
      const before = cell.value;
      const value = fieldAt(row.value, column.path);
      if (!isSame) this.#flashes.clear(cell.element);
      if (before === value && isFitted) continue;
      cell.value = value;
      if (!isFitted) fit(cell, column);
      const text = textOf(value, column);
      if (cell.text.data === text) continue;
      cell.text.data = text;
      if (isSame && flashing && before !== value) this.#flashes.mark(cell.element, directionOf(before, value));
    }
  }

  /** `now` in milliseconds since 1970. */
  showAge(now: number): void {
    const changedAt = this.row?.changedAt;
    const text = changedAt === undefined ? "–" : formatAge(now - changedAt);
    if (this.#changed.textContent !== text) this.#changed.textContent = text;
  }

  showTrend(trend: Trend | undefined): void {
    this.#trend.draw(trend?.values ?? []);
  }

  /** Columns are only ever added at the end. */
  #addCell(column: Column): Cell {
    const text = new Text();
    const element = make("td", { role: "gridcell", "data-field": column.id }, text);
    this.element.append(element);
    const cell = { element, text, value: undefined };
    this.#cells.push(cell);
    fit(cell, column);
    return cell;
  }
}

function fit({ element }: Cell, column: Column): void {
  const className = column.numeric ? "number" : "";
  if (element.className !== className) element.className = className;
}
