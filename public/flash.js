// @ts-check
// Marks changed cells for a moment. One timer serves all of them; the fade itself is the style sheet's.

/** Milliseconds that a mark stays. */
const LENGTH = 350;
/** More marks than anyone can see would only cost paint. */
const MAX_MARKED = 200;

/** Cells and when their mark ends. A Map keeps them in that order. @type {Map<HTMLElement, number>} */
const marked = new Map();
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/**
 * @param {HTMLElement} cell
 * @param {"up" | "down" | "change"} direction
 */
export function flash(cell, direction) {
  if (!marked.delete(cell) && marked.size >= MAX_MARKED) return;
  marked.set(cell, performance.now() + LENGTH);
  cell.dataset.flash = direction;
  timer ??= setTimeout(sweep, LENGTH);
}

function sweep() {
  const now = performance.now();
  timer = undefined;
  for (const [cell, until] of marked) {
    if (until > now) {
      timer = setTimeout(sweep, until - now);
      return;
    }
    marked.delete(cell);
    delete cell.dataset.flash;
  }
}
