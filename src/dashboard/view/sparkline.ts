import { linePoints } from "../model/recent-values.ts";

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
    this.element.setAttribute("class", "sparkline");
    this.element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.element.setAttribute("width", String(width));
    this.element.setAttribute("height", String(height));
    this.element.setAttribute("aria-hidden", "true");
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
