// @ts-check

/**
 * An element with what is in it. Text is put in as text.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
export function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/**
 * @param {string} to
 * @param {string} text
 */
export function link(to, text) {
  return element("a", { href: to }, text);
}

/**
 * A paragraph; what stands between backticks is code.
 * @param {string} text
 */
export function prose(text) {
  const parts = text.split("`");
  return element("p", {}, ...parts.map((part, i) => (i % 2 === 1 ? element("code", {}, part) : part)));
}

/**
 * An example: JSON, or text as it is.
 * @param {unknown} value
 * @param {string} label
 */
export function example(value, label) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return element("pre", { "aria-label": label, role: "figure" }, element("code", {}, text.trimEnd()));
}

/**
 * A table whose first column names its rows.
 * @param {string[]} heads
 * @param {(Node | string)[][]} rows
 */
export function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([first = "", ...rest]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((cell) => element("td", {}, cell))),
  );
  const whole = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  // Where it is wider than the page, whoever has no mouse scrolls it by the keys.
  return element("div", { class: "scroll", role: "group", "aria-label": heads.join(", "), tabindex: "0" }, whole);
}
