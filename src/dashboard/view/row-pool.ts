import type { Json } from "../../protocol/json.ts";
import { fieldAt, textOf, type Column } from "../model/columns.ts";
import { directionOf, formatAge, type Direction } from "../model/format.ts";
import type { Trends } from "../model/recent-values.ts";
import type { Row } from "../model/rows.ts";
import { make, Sparkline, write } from "./dom.ts";

/** What rows are drawn with. */
interface Drawing {
  readonly columns: readonly Column[];
  /** Of the columns. If it differs, cells may have to be written again. */
  readonly revision: number;
  readonly trends: Trends;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether changed cells are marked. */
  readonly flashing: boolean;
  /** The height of a row, in pixels. */
  readonly height: number;
}

/** The row elements in the document. An element shows one entry while that is in view, and is then used for another. */
export class RowPool {
  readonly #body: HTMLElement;
  readonly #flashes = new Flashes();
  readonly #views = new Map<string, RowView>();
  readonly #spare: RowView[] = [];
  #made = 0;

  constructor(body: HTMLElement) {
    this.#body = body;
  }

  /** Shows these rows. The first of them is row `start` among all rows. */
  draw(inView: readonly Row[], start: number, drawing: Drawing): void {
    this.#recycle(inView);
    let before: Element | null = null;
    for (const [offset, row] of inView.entries()) {
      let view = this.#views.get(row.key);
      if (view === undefined) this.#views.set(row.key, (view = this.#spare.pop() ?? this.#make()));
      view.draw(row, start + offset, drawing);
      // Screen readers read in the order of the document, so that has to be the order of the rows.
      const next: Element | null = before === null ? this.#body.firstElementChild : before.nextElementSibling;
      if (next !== view.element) this.#body.insertBefore(view.element, next);
      before = view.element;
    }
    for (const view of this.#spare) {
      view.element.remove();
      view.row = undefined;
    }
  }

  /** Marks the active row. Returns the id of its element, or undefined if it is not in view. */
  select(key: string | undefined): string | undefined {
    const chosen = key === undefined ? undefined : this.#views.get(key);
    for (const view of this.#views.values()) {
      const selected = String(view === chosen);
      if (view.element.ariaSelected !== selected) view.element.ariaSelected = selected;
    }
    return chosen?.element.id;
  }

  /** Removes all rows, so that they are made again for other columns. */
  clear(): void {
    this.#body.replaceChildren();
    this.#views.clear();
    this.#spare.length = 0;
  }

  #recycle(inView: readonly Row[]): void {
    const kept = new Set(inView.map(({ key }) => key));
    for (const [key, view] of this.#views) {
      if (kept.has(key)) continue;
      this.#views.delete(key);
      this.#spare.push(view);
    }
  }

  #make(): RowView {
    return new RowView(`row-${++this.#made}`, this.#flashes);
  }
}

interface Cell {
  readonly element: HTMLElement;
  readonly text: Text;
  value: Json | undefined;
}

/** One row of the table. It is positioned absolutely and moved by a transform, so that rows do not depend on each other. */
class RowView {
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

  /** Shows a row in its place. `index`: among all rows. */
  draw(row: Row, index: number, drawing: Drawing): void {
    this.#show(row, drawing);
    write(this.#changed, row.changedAt === undefined ? "–" : formatAge(drawing.now - row.changedAt));
    this.#trend.draw(drawing.trends.get(row.key) ?? []);
    const top = index * drawing.height;
    if (top !== this.#top) {
      this.#top = top;
      this.element.style.transform = `translateY(${top}px)`;
    }
    // The header is row 1.
    const rowIndex = String(index + 2);
    if (this.element.ariaRowIndex !== rowIndex) this.element.ariaRowIndex = rowIndex;
  }

  #show(row: Row, { columns, revision, flashing }: Drawing): void {
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
      if (!isFitted) cell.element.classList.toggle("number", column.numeric);
      const text = textOf(value, column);
      if (cell.text.data === text) continue;
      cell.text.data = text;
      if (isSame && flashing && before !== value) this.#flashes.mark(cell.element, directionOf(before, value));
    }
  }

  /** Columns are only ever added at the end. */
  #addCell(column: Column): Cell {
    const text = new Text();
    const element = make("td", { role: "gridcell", "data-field": column.id }, text);
    this.element.append(element);
    const cell = { element, text, value: undefined };
    this.#cells.push(cell);
    return cell;
  }
}

/** Milliseconds for which a mark stays. Its arrow takes longer to read than a blink. */
const FLASH = 700;
/** More marks than this are more than a reader can see, and only cost time to paint. */
const MAX_MARKED = 300;

/** Marks changed cells for a moment, with one timer for all of them. The style sheet says how a mark looks. */
class Flashes {
  /** Cells, and when their mark ends. A Map keeps them in that order. */
  readonly #marked = new Map<HTMLElement, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  mark(cell: HTMLElement, direction: Direction): void {
    if (!this.#marked.delete(cell) && this.#marked.size >= MAX_MARKED) return;
    this.#marked.set(cell, performance.now() + FLASH);
    if (cell.dataset["flash"] !== direction) cell.dataset["flash"] = direction;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#sweep(), FLASH);
  }

  /** The cell belongs to another row from now on. */
  clear(cell: HTMLElement): void {
    if (this.#marked.delete(cell)) delete cell.dataset["flash"];
  }

  #sweep(): void {
    const now = performance.now();
    this.#timer = undefined;
    for (const [cell, until] of this.#marked) {
      if (until > now) {
        // Several cells at a time: ten times a second is exact enough for an eye.
        this.#timer = setTimeout(() => this.#sweep(), Math.max(100, until - now));
        return;
      }
      this.#marked.delete(cell);
      delete cell.dataset["flash"];
    }
  }
}
