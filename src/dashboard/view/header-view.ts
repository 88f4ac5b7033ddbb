import type { Column } from "../model/columns.ts";
import { nextSort, type Sort, type SortBy } from "../model/rows.ts";
import { make, write } from "./dom.ts";

/** Characters of the key's column. */
const KEY_WIDTH = { min: 6, max: 28 };
/** The average width of a letter, in widths of a digit, in fonts of user interfaces. */
const CAPITAL = 1.3;
const LETTER = 1.05;

/** Columns to sort by that every table has: the key, and when a row changed. */
const FIXED = 2;

interface HeaderCell {
  readonly element: HTMLElement;
  readonly by: SortBy;
}

/** The table's header: a button to sort by in each column, and the widths of all columns. */
export class HeaderView {
  readonly #table: HTMLElement;
  readonly #onSort: (sort: Sort) => void;
  readonly #cells: HeaderCell[] = [];
  readonly #fields = new Map<Column, HTMLElement>();
  readonly #row: HTMLElement;
  #sort: Sort = { by: "key", descending: false };
  #keyWidth = KEY_WIDTH.min;
  #template = "";

  constructor(table: HTMLElement, row: HTMLElement, onSort: (sort: Sort) => void) {
    this.#table = table;
    this.#onSort = onSort;
    const trend = make("th", { role: "columnheader", scope: "col", class: "trend" }, make("span", {}, "Trend"));
    this.#row = row;
    row.append(this.#cell("key", "Key", "key"), trend, this.#cell("changed", "Changed", "age"));
    this.show(this.#sort);
  }

  /** Shows by which column the rows are sorted. */
  show(sort: Sort): void {
    this.#sort = sort;
    for (const { element, by } of this.#cells) {
      if (by !== sort.by) element.removeAttribute("aria-sort");
      else element.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
    }
  }

  /** Gives each column its header and its width. `longestKey` in characters. */
  fit(columns: readonly Column[], longestKey: number): void {
    for (const column of columns) {
      const element = this.#fields.get(column) ?? this.#add(column);
      element.classList.toggle("number", column.numeric);
    }
    this.#keyWidth = Math.min(KEY_WIDTH.max, Math.max(this.#keyWidth, Math.ceil(longestKey * CAPITAL)));
    const template = [
      `min(calc(${this.#keyWidth}ch + var(--pad) * 2), 40vw)`,
      "calc(72px + var(--pad) * 2)",
      "var(--changed-column)",
      ...columns.map((column) => `calc(${widthOf(column)}ch + var(--pad) * 2)`),
      "1fr",
    ].join(" ");
    if (template === this.#template) return;
    this.#template = template;
    this.#table.style.setProperty("--columns", template);
  }

  /** Removes the headers of the fields, so that they are made again in another order. */
  reset(): void {
    for (const element of this.#fields.values()) element.remove();
    this.#fields.clear();
    this.#cells.splice(FIXED);
  }

  #add(column: Column): HTMLElement {
    const element = this.#cell(column, column.label, "");
    element.dataset["column"] = column.id;
    this.#row.append(element);
    this.#fields.set(column, element);
    return element;
  }

  #cell(by: SortBy, label: string, className: string): HTMLElement {
    const button = make("button", { type: "button" });
    write(button, label);
    button.addEventListener("click", () => this.#onSort(nextSort(this.#sort, by)));
    const element = make("th", { role: "columnheader", scope: "col", class: className }, button);
    this.#cells.push({ element, by });
    return element;
  }
}

/** Room for the values, and for the label with an arrow beside it, which is smaller. */
function widthOf({ width, label, numeric }: Column): number {
  const name = Math.min(28, label.length * 0.92 + 2);
  return Math.ceil(Math.max(numeric ? width + 1.5 : width * LETTER, name));
}
