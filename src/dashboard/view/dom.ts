/** The element of index.html with this id. Throws if there is none of that type. */
export function byId(id: string): HTMLElement;
export function byId<T extends HTMLElement>(id: string, type: abstract new () => T): T;
export function byId(id: string, type: abstract new () => HTMLElement = HTMLElement): HTMLElement {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no #${id} of that kind`);
  return element;
}

/** Makes an element. Text is added as text, never as markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Writes text only if it differs. Otherwise a screen reader would announce it again, and the page would be laid out again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

interface SelectOption {
  readonly id: string;
  readonly label: string;
}

/** Brings a `select` up to date. Options are only ever added. */
export function offer(
  select: HTMLSelectElement,
  options: readonly SelectOption[],
  chosen: SelectOption | undefined,
): void {
  if (select.options.length !== options.length)
    select.replaceChildren(...options.map(({ id, label }) => make("option", { value: id }, label)));
  if (chosen !== undefined && select.value !== chosen.id) select.value = chosen.id;
}
