import type { Column } from "../model/columns.ts";
import { Flashes } from "./flash.ts";
import { RowView } from "./row-view.ts";
import type { Row } from "../model/rows.ts";
import type { Trends } from "../model/trends.ts";

/** What all rows are drawn with. */
export interface Drawing {
  readonly columns: readonly Column[];
  /** Of the columns: another one means that cells may have to be written again. */
  readonly revision: number;
  readonly trends: Trends;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether changes are to be pointed out. */
  readonly flashing: boolean;
  /** The height of a row, in pixels. */
  readonly height: number;
}

/** The rows that are in the document: those in view, each for as long as its entry is, and then for another one. */
export class RowPool {
  readonly #body: HTMLElement;
  readonly #flashes = new Flashes();
  readonly #views = new Map<string, RowView>();
  readonly #spare: RowView[] = [];
  #made = 0;

  constructor(body: HTMLElement) {
    this.#body = body;
  }

  /** Shows these rows, the first of which is row `start` of all. */
  draw(inView: readonly Row[], start: number, drawing: Drawing): void {
    this.#recycle(inView);
    let before: Element | null = null;
    for (const [offset, row] of inView.entries()) {
      let view = this.#views.get(row.key);
      if (view === undefined) this.#views.set(row.key, (view = this.#spare.pop() ?? this.#make()));
      view.show(row, drawing.columns, drawing.revision, drawing.flashing);
      view.showAge(drawing.now);
      view.showTrend(drawing.trends.get(row.key));
      view.place(start + offset, (start + offset) * drawing.height);
      // Screen readers read in the order of the document, so it is that of the rows.
      const next: Element | null = before === null ? this.#body.firstElementChild : before.nextElementSibling;
      if (next !== view.element) this.#body.insertBefore(view.element, next);
      before = view.element;
    }
    for (const view of this.#spare) {
      view.element.remove();
      view.row = undefined;
    }
  }

  /** Says which row is the active one, and returns the id of its element where it is in view. */
  select(key: string | undefined): string | undefined {
    const chosen = key === undefined ? undefined : this.#views.get(key);
    for (const view of this.#views.values()) {
      const selected = String(view === chosen);
      if (view.element.ariaSelected !== selected) view.element.ariaSelected = selected;
    }
    return chosen?.element.id;
  }

  /** Has all rows made anew, for other columns. */
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
