import type { Json } from "../protocol/json.ts";
import { make } from "./dom.ts";
import { ValueView } from "./value-view.ts";

/** A key with its value, if it has one, and the text of that. */
export type Row = readonly [key: string, value: Json | undefined, text: string];

/** Keys with their values, one beside the other. */
export class TapeList {
  readonly element = make("ul", "list");
  #rows = new Map<string, { readonly view: ValueView; readonly item: HTMLElement }>();

  show(rows: readonly Row[]): void {
    const before = this.#rows;
    this.#rows = new Map(rows.map(([key]) => [key, before.get(key) ?? createRow(key)]));
    if ([...before.keys()].join() !== [...this.#rows.keys()].join())
      this.element.replaceChildren(...Array.from(this.#rows.values(), ({ item }) => item));
    for (const [key, value, text] of rows) this.#rows.get(key)?.view.show(value, text);
  }
}

function createRow(key: string): { view: ValueView; item: HTMLElement } {
  const view = new ValueView();
  return { view, item: make("li", "item", make("b", "key", key), " ", view.text, view.mark) };
}
