/** The part of a long list that is drawn: from row `start` up to, and without, row `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Rows drawn beyond each edge, so that scrolling does not show an empty strip. */
const OVERSCAN = 6;

/** `top` and `height`: the part of the list that is in view, in pixels. */
export function spanOf(top: number, height: number, rowHeight: number, count: number): Span {
  const start = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const end = Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN);
  return { start: Math.min(start, Math.max(0, count)), end: Math.max(end, Math.min(start, count)) };
}

/** The scroll position at which all of row `index` is in view. It is `top` if the row is in view already. */
export function scrollTo(index: number, top: number, height: number, rowHeight: number): number {
  const from = index * rowHeight;
  if (from < top) return from;
  return from + rowHeight > top + height ? from + rowHeight - height : top;
}

/**
 * The row that a key of the keyboard leads to, or undefined for other keys. `index` is -1 if no row is active. `page` is
 * how many rows are in view.
 */
export function indexAfterKey(key: string, index: number, count: number, page: number): number | undefined {
  if (count === 0) return undefined;
  const to = destination(key, index, count, Math.max(1, page - 1));
  return to === undefined ? undefined : Math.min(count - 1, Math.max(0, to));
}

function destination(key: string, index: number, count: number, page: number): number | undefined {
  switch (key) {
    case "ArrowDown":
      return index + 1;
    case "ArrowUp":
      return index - 1;
    case "PageDown":
      return Math.max(0, index) + page;
    case "PageUp":
      return index - page;
    case "Home":
      return 0;
    case "End":
      return count - 1;
    default:
      return undefined;
  }
}
