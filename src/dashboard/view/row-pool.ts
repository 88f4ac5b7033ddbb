import type { Column } from "../model/columns.ts";
import type { Trends } from "../model/recent-values.ts";
import type { Row } from "../model/rows.ts";
import { Flashes, RowView } from "./row-view.ts";

/** What rows are drawn with. */
export interface Drawing {
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
      view.show(row, drawing.columns, drawing.revision, drawing.flashing);
      view.showAge(drawing.now);
      view.showTrend(drawing.trends.get(row.key) ?? []);
      view.place(start + offset, (start + offset) * drawing.height);
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
    for (const view of this.#views.values()) view.element.remove();
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
