/** A list, or an object, in brackets. Places count characters from the beginning of the text. */
export interface Brackets {
  /** Of the opening bracket, and of the closing one. */
  readonly opening: number;
  readonly closing: number;
  /** Of its last item: from, and up to. Undefined if it has none. */
  readonly last: readonly [from: number, to: number] | undefined;
  /** Of the comma after the last item; undefined if it has none. */
  readonly comma: number | undefined;
}

/**
 * Puts items behind the last one, on lines of their own if the list has some, and touches nothing else. `write` gets the
 * indentation of a line of its own; undefined where all stands on one line.
 */
export function insertItems(
  text: string,
  { opening, closing, last, comma }: Brackets,
  write: (indent: string | undefined) => readonly string[],
): string {
  const before = text.slice(0, opening + 1);
  if (!last) return `${before}${write(undefined).join(", ")}${text.slice(closing)}`;
  const [from, to] = last;
  if (!text.slice(opening, closing).includes("\n")) {
    const added = `, ${write(undefined).join(", ")}`;
    return text.slice(0, to) + added + text.slice(to);
  }
  const indent = /(?<=\n)[ \t]*/.exec(text.slice(text.lastIndexOf("\n", from - 1)))?.[0] ?? "";
  const eol = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = write(indent).map((item) => `${eol}${indent}${item}`);
  const end = comma === undefined ? "" : ",";
  // Comments behind the last item stay with it.
  const rest = text.slice(to, closing).trimEnd();
  const outdent = /[ \t]*$/.exec(text.slice(0, closing))?.[0] ?? "";
  return `${text.slice(0, to)}${end === "" ? "," : ""}${rest}${lines.join(",")}${end}${eol}${outdent}${text.slice(closing)}`;
}
