import type { Column } from "../model/columns.ts";
import { linePoints } from "../model/recent-values.ts";

/** The element of index.html with this id. Throws if there is none of that type. */
export function byId(id: string): HTMLElement;
export function byId<T extends HTMLElement>(id: string, type: abstract new () => T): T;
export function byId(id: string, type: abstract new () => HTMLElement = HTMLElement): HTMLElement {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no #${id} of that kind`);
  return element;
}

/** Makes an element. Text is added as text, never as markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Writes text only if it differs. Otherwise a screen reader would announce it again, and the page would be laid out again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Lets a `select` offer these columns. They are only ever added. */
export function offer(select: HTMLSelectElement, columns: readonly Column[], chosen: Column | undefined): void {
  if (select.options.length !== columns.length)
    select.replaceChildren(...columns.map(({ id, label }) => make("option", { value: id }, label)));
  if (chosen !== undefined && select.value !== chosen.id) select.value = chosen.id;
}

const SVG = "http://www.w3.org/2000/svg";

/** A small line of the last values. Screen readers skip it: they get the values as text elsewhere. */
export class Sparkline {
  readonly element = document.createElementNS(SVG, "svg");
  readonly #line = document.createElementNS(SVG, "polyline");
  readonly #width: number;
  readonly #height: number;
  #points = "";

  /** In pixels. */
  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    const viewBox = `0 0 ${width} ${height}`;
    const attributes = { class: "sparkline", viewBox, width, height, "aria-hidden": true };
    for (const [name, value] of Object.entries(attributes)) this.element.setAttribute(name, String(value));
    this.element.append(this.#line);
  }

  /** `isTrend`: whether the line's colour shows the way from the first value to the last. Counts have no colour. */
  draw(values: readonly number[], isTrend = true, floor?: number): void {
    const points = linePoints(values, this.#width, this.#height, floor);
    if (points === this.#points) return;
    this.#points = points;
    this.#line.setAttribute("points", points);
    const rise = isTrend ? (values.at(-1) ?? 0) - (values[0] ?? 0) : 0;
    this.element.dataset["trend"] = rise > 0 ? "up" : rise < 0 ? "down" : "flat";
  }
}
