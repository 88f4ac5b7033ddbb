const BEGIN = "# Tickertape: begin. Written by `tickertape assets`.";
const END = "# Tickertape: end.";

/**
 * A `_headers` file with the rules of the pages under a path, such as `/live`. What else is in it stays; an earlier block of
 * such rules is replaced.
 */
export function withHeaders(text: string, rules: string, path: string): string {
  const block = `${BEGIN}\n${rules.trimEnd().replaceAll(/^\//gm, `${path}/`)}\n${END}\n`;
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END, from);
  if (from !== -1 && to !== -1) return text.slice(0, from) + block + text.slice(to + END.length).replace(/^\r?\n/, "");
  if (text === "") return block;
  return `${text.endsWith("\n") ? text : `${text}\n`}\n${block}`;
}
