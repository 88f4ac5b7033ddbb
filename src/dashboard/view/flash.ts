import type { Direction } from "../model/format.ts";

/** Milliseconds that a mark stays. Its arrow is read, so it is not gone in a blink. */
const LENGTH = 700;
/** More marks than anyone can see would only cost paint. */
const MAX_MARKED = 300;

/** Marks changed cells for a moment. One timer serves all of them; what a mark looks like is the style sheet's. */
export class Flashes {
  /** Cells and when their mark ends. A Map keeps them in that order. */
  readonly #marked = new Map<HTMLElement, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  mark(cell: HTMLElement, direction: Direction): void {
    if (!this.#marked.delete(cell) && this.#marked.size >= MAX_MARKED) return;
    this.#marked.set(cell, performance.now() + LENGTH);
    if (cell.dataset["flash"] !== direction) cell.dataset["flash"] = direction;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#sweep(), LENGTH);
  }

  /** The cell shows something else from now on. */
  clear(cell: HTMLElement): void {
    if (this.#marked.delete(cell)) delete cell.dataset["flash"];
  }

  #sweep(): void {
    const now = performance.now();
    this.#timer = undefined;
    for (const [cell, until] of this.#marked) {
      if (until > now) {
        // Not for each cell by itself: some ten times a second is as exact as an eye.
        this.#timer = setTimeout(() => this.#sweep(), Math.max(100, until - now));
        return;
      }
      this.#marked.delete(cell);
      delete cell.dataset["flash"];
    }
  }
}
