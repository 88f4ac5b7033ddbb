import type { Column } from "../model/columns.ts";
import { nextSort, type Rows, type SortBy } from "../model/rows.ts";
import { byId, make } from "./dom.ts";

/** Characters of the key's column. */
const KEY_WIDTH = { min: 6, max: 28 };
/** The average width of a letter, in widths of a digit, in fonts of user interfaces. */
const CAPITAL = 1.3;
const LETTER = 1.05;

/** The table's header: a button to sort by in each column, and the widths of all columns. */
export class HeaderView {
  readonly #rows: Rows;
  readonly #onSort: () => void;
  readonly #row = byId("entries-header");
  readonly #cells = new Map<SortBy, HTMLElement>();
  #keyWidth = KEY_WIDTH.min;
  #template = "";

  constructor(rows: Rows, onSort: () => void) {
    this.#rows = rows;
    this.#onSort = onSort;
    const trend = make("th", { role: "columnheader", scope: "col", class: "trend" }, make("span", {}, "Trend"));
    this.#row.append(this.#cell("key", "Key", "key"), trend, this.#cell("changed", "Changed", "age"));
  }

  /** Gives each column its header and its width. `longestKey` in characters. */
  fit(columns: readonly Column[], longestKey: number): void {
    for (const column of columns) {
      const element = this.#cells.get(column) ?? this.#add(column);
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
    byId("entries").style.setProperty("--columns", template);
  }

  /** Removes the headers of the fields, so that they are made again in another order. */
  reset(): void {
    for (const [by, element] of this.#cells) {
      if (typeof by === "string") continue;
      element.remove();
      this.#cells.delete(by);
    }
  }

  #showSort(): void {
    const { sort } = this.#rows;
    for (const [by, element] of this.#cells)
      element.ariaSort = by !== sort.by ? null : sort.descending ? "descending" : "ascending";
  }

  #add(column: Column): HTMLElement {
    const element = this.#cell(column, column.label, "");
    element.dataset["column"] = column.id;
    this.#row.append(element);
    return element;
  }

  #cell(by: SortBy, label: string, className: string): HTMLElement {
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", () => {
      this.#rows.sortBy(nextSort(this.#rows.sort, by));
      this.#showSort();
      this.#onSort();
    });
    const element = make("th", { role: "columnheader", scope: "col", class: className }, button);
    this.#cells.set(by, element);
    this.#showSort();
    return element;
  }
}

/** Room for the values, and for the label with an arrow beside it, which is smaller. */
function widthOf({ width, label, numeric }: Column): number {
  const name = Math.min(28, label.length * 0.92 + 2);
  return Math.ceil(Math.max(numeric ? width + 1.5 : width * LETTER, name));
}
