import type { Column, Columns } from "../model/columns.ts";
import type { Trends } from "../model/recent-values.ts";
import type { Rows } from "../model/rows.ts";
import { indexAfterKey, scrollTo, spanOf } from "../model/viewport.ts";
import { byId } from "./dom.ts";
import { HeaderView } from "./header-view.ts";
import { RowPool } from "./row-pool.ts";

/** What the page knows of the entries. */
export interface EntriesModel {
  readonly rows: Rows;
  readonly columns: Columns;
  readonly trends: Trends;
}

export interface TableEvents {
  /** Something has changed and has to be drawn. */
  readonly onChange: () => void;
  /** A row has become the active one. `opened`: whether its detail is asked for. */
  readonly onActive: (key: string, opened: boolean) => void;
}

/** The table. Only the rows in view exist in the document. Draws only when `draw` is called, and reads no clock. */
export class TableView {
  readonly #model: EntriesModel;
  readonly #events: TableEvents;
  readonly #scroller = byId("scroller");
  readonly #table = byId("entries");
  readonly #headerRow = byId("entries-header");
  readonly #body = byId("entries-body");
  readonly #pool = new RowPool(this.#body);
  readonly #header: HeaderView;
  #active: string | undefined;
  #mustReveal = false;
  #rowHeight = 0;
  #bodyHeight = -1;
  /** The columns in the order in which they are shown. */
  #order: Column[] = [];
  #longestKey = 0;

  constructor(model: EntriesModel, events: TableEvents) {
    this.#model = model;
    this.#events = events;
    this.#header = new HeaderView(model.rows, events.onChange);
    this.#scroller.addEventListener("scroll", events.onChange, { passive: true });
    new ResizeObserver(events.onChange).observe(this.#scroller);
    this.#table.addEventListener("keydown", (event) => this.#onKey(event));
    this.#body.addEventListener("click", ({ target }) => this.#onClick(target));
  }

  /** Makes a row the active one, and brings it into view as soon as it exists. */
  activate(key: string): void {
    this.#active = key;
    this.#mustReveal = true;
    this.#events.onChange();
  }

  /** `now` in milliseconds since 1970. `flashing`: whether changed cells are marked. `first`: the column that comes first. */
  draw(now: number, flashing: boolean, first: Column | undefined): void {
    const { rows, columns, trends } = this.#model;
    const { order } = rows;
    this.#measure();
    this.#resize(order.length);
    this.#reveal();
    const span = spanOf(this.#scroller.scrollTop, this.#scroller.clientHeight, this.#rowHeight, order.length);
    const inView = order.slice(span.start, span.end);
    for (const row of inView) {
      columns.discover(row.value);
      this.#longestKey = Math.max(this.#longestKey, row.key.length);
    }
    this.#arrange(first);
    this.#header.fit(this.#order, this.#longestKey);
    const drawing = {
      columns: this.#order,
      revision: columns.revision,
      trends,
      now,
      flashing,
      height: this.#rowHeight,
    };
    this.#pool.draw(inView, span.start, drawing);
    const id = this.#pool.select(this.#active);
    if (id === undefined) this.#table.removeAttribute("aria-activedescendant");
    else this.#table.setAttribute("aria-activedescendant", id);
  }

  #reveal(): void {
    if (!this.#mustReveal) return;
    const index = this.#model.rows.order.findIndex(({ key }) => key === this.#active);
    if (index < 0) return;
    this.#mustReveal = false;
    this.#scrollTo(index);
  }

  /** The style sheet sets the height of a row. */
  #measure(): void {
    const header = this.#headerRow.offsetHeight;
    if (header > 0) this.#rowHeight = header;
    else if (this.#rowHeight === 0) this.#rowHeight = 30;
  }

  /** New columns come at the end. If another column has to be first, all rows are made again. */
  #arrange(first: Column | undefined): void {
    const { list } = this.#model.columns;
    if (this.#order[0] === (first ?? list[0])) {
      const { length } = this.#order;
      if (length < list.length) this.#order.push(...list.slice(length));
      return;
    }
    this.#order = first === undefined ? [...list] : [first, ...list.filter((column) => column !== first)];
    this.#header.reset();
    this.#pool.clear();
  }

  #resize(count: number): void {
    const height = count * this.#rowHeight;
    if (height === this.#bodyHeight) return;
    this.#bodyHeight = height;
    this.#body.style.height = `${height}px`;
    this.#table.ariaRowCount = String(count + 1);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.target !== this.#table || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && this.#active !== undefined) this.#events.onActive(this.#active, true);
    const { order } = this.#model.rows;
    const page = Math.floor(this.#viewHeight() / this.#rowHeight);
    const at = order.findIndex(({ key }) => key === this.#active);
    const index = indexAfterKey(event.key, at, order.length, page);
    const row = index === undefined ? undefined : order[index];
    if (index === undefined || row === undefined) return;
    event.preventDefault();
    this.#active = row.key;
    this.#scrollTo(index);
    this.#events.onActive(row.key, false);
    this.#events.onChange();
  }

  #onClick(target: EventTarget | null): void {
    const element = target instanceof Element ? target.closest("tr") : null;
    const key = element?.dataset["key"];
    if (key === undefined) return;
    this.#active = key;
    this.#events.onActive(key, true);
    this.#events.onChange();
  }

  /** The height that the header does not cover, in pixels. */
  #viewHeight(): number {
    return this.#scroller.clientHeight - this.#headerRow.offsetHeight;
  }

  #scrollTo(index: number): void {
    const top = scrollTo(index, this.#scroller.scrollTop, this.#viewHeight(), this.#rowHeight);
    if (top !== this.#scroller.scrollTop) this.#scroller.scrollTop = top;
  }
}
