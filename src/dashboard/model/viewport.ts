/** Rows drawn beyond each edge, so that scrolling does not show an empty strip. */
const OVERSCAN = 6;

/**
 * The part of a long list that is drawn: from row `start` up to, and without, row `end`. `top` and `height`: the part of the
 * list that is in view, in pixels.
 */
export function spanOf(top: number, height: number, rowHeight: number, count: number): { start: number; end: number } {
  const start = Math.max(0, Math.min(count, Math.floor(top / rowHeight) - OVERSCAN));
  const end = Math.max(start, Math.min(count, Math.ceil((top + height) / rowHeight) + OVERSCAN));
  return { start, end };
}

/** The scroll position at which all of row `index` is in view. It is `top` if the row is in view already. */
export function scrollTo(index: number, top: number, height: number, rowHeight: number): number {
  const from = index * rowHeight;
  if (from < top) return from;
  return from + rowHeight > top + height ? from + rowHeight - height : top;
}

/** Where the keys of the keyboard lead: `page` is how many rows a page moves by. */
const DESTINATIONS: Readonly<Record<string, (index: number, page: number, count: number) => number>> = {
  ArrowDown: (index) => index + 1,
  ArrowUp: (index) => index - 1,
  PageDown: (index, page) => Math.max(0, index) + page,
  PageUp: (index, page) => index - page,
  Home: () => 0,
  End: (_index, _page, count) => count - 1,
};

/** The row that a key leads to, or undefined for other keys. `index` is -1 if no row is active. `inView`: a number of rows. */
export function indexAfterKey(key: string, index: number, count: number, inView: number): number | undefined {
  const to = DESTINATIONS[key]?.(index, Math.max(1, inView - 1), count);
  return to === undefined || count === 0 ? undefined : Math.min(count - 1, Math.max(0, to));
}
