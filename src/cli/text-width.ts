import stringWidth from "string-width";

/** Columns of a terminal that a text takes: two for most of Chinese and for emoji. */
export const widthOf = (text: string): number => stringWidth(text);

const graphemes = new Intl.Segmenter();

/** The text at exactly that width: filled up with spaces, or cut with an ellipsis. */
export function fit(text: string, width: number): string {
  const taken = widthOf(text);
  if (taken <= width) return text + " ".repeat(width - taken);
  if (width <= 0) return "";
  let cut = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const more = widthOf(segment);
    if (used + more > width - 1) break;
    cut += segment;
    used += more;
  }
  return `${cut}…${" ".repeat(width - 1 - used)}`;
}
