/** Fewer steps than these do not fill the width: they begin at the right. */
const FEW = 20;

/**
 * The points of a line through the values, for an SVG `polyline` of that size. The lowest value is at the bottom, the
 * highest at the top; values that are all the same lie in the middle. Fewer than two values are no line.
 * `floor`: a value that is at the bottom in any case, such as 0 for counts.
 */
export function linePoints(values: readonly number[], width: number, height: number, floor?: number): string {
  if (values.length < 2) return "";
  let low = floor ?? Number.POSITIVE_INFINITY;
  let high = floor ?? Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = high - low;
  const step = width / Math.max(FEW, values.length - 1);
  const left = width - step * (values.length - 1);
  let points = "";
  for (const [index, value] of values.entries()) {
    const up = range > 0 ? (value - low) / range : floor === undefined ? 0.5 : 0;
    // Half a pixel from the edges, so that the line's own width stays inside.
    points += `${(left + index * step).toFixed(1)},${(height - 1 - up * (height - 2)).toFixed(1)} `;
  }
  return points.trimEnd();
}

const SVG = "http://www.w3.org/2000/svg";

/** A line of the last values. Decoration: screen readers get the values as text elsewhere. */
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

  /** `trend`: the way from the first value to the last gives the line its colour; counts have none. */
  draw(values: readonly number[], trend = true, floor?: number): void {
    const points = linePoints(values, this.#width, this.#height, floor);
    if (points === this.#points) return;
    this.#points = points;
    this.#line.setAttribute("points", points);
    const rise = trend ? (values.at(-1) ?? 0) - (values[0] ?? 0) : 0;
    this.element.dataset["trend"] = rise > 0 ? "up" : rise < 0 ? "down" : "flat";
  }
}
