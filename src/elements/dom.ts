/** Whether the reader wants nothing to move. */
export const calm: Pick<MediaQueryList, "matches" | "addEventListener" | "removeEventListener"> =
  globalThis.matchMedia?.("(prefers-reduced-motion: reduce)");

/** An element of a class, which is also the part that a page can style it by. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  name: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  element.className = element.part.value = name;
  element.append(...children);
  return element;
}

const sheets = new Map<string, CSSStyleSheet>();

/**
 * Gives an element what it consists of. All of a kind share a style sheet, which a page's Content-Security-Policy need not
 * allow, as it would a `<style>`.
 */
export function furnish(element: HTMLElement, css: string, ...children: HTMLElement[]): void {
  let sheet = sheets.get(css);
  if (!sheet) {
    sheets.set(css, (sheet = new CSSStyleSheet()));
    sheet.replaceSync(css);
  }
  const root = element.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  root.append(...children);
}
