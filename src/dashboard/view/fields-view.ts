import type { JsonObject } from "../../protocol/json.ts";
import { compactJson } from "../model/compact-json.ts";
import { make, write } from "./dom.ts";

/** Characters of one field. */
const MAX_TEXT = 4000;

/** All fields of one value, as they are: no rounding, nothing left out. */
export class FieldsView {
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
