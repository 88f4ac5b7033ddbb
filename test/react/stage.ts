import { act, createElement, StrictMode, type FunctionComponent } from "react";

// React needs a document, although these components render nothing: tests look at the props of each render.
const document: Record<string, unknown> = {
  nodeType: 9,
  addEventListener() {},
  removeEventListener() {},
  activeElement: null,
};
document["defaultView"] = globalThis;
Object.assign(globalThis, { window: globalThis, document, IS_REACT_ACT_ENVIRONMENT: true });
// React only uses them with `instanceof`.
Object.assign(globalThis, { HTMLIFrameElement: EventTarget, HTMLElement: EventTarget });
const { createRoot } = await import("react-dom/client");

/** Mounts components that render nothing. */
export class Stage<P extends object> {
  readonly #component: FunctionComponent<P>;
  readonly #root: ReturnType<typeof createRoot>;
  readonly #strict: boolean;

  constructor(component: FunctionComponent<P>, { strict = false } = {}) {
    this.#component = component;
    this.#strict = strict;
    const container = {
      nodeType: 1,
      nodeName: "DIV",
      tagName: "DIV",
      namespaceURI: "http://www.w3.org/1999/xhtml",
      ownerDocument: document,
      textContent: "",
      addEventListener() {},
      removeEventListener() {},
    };
    this.#root = createRoot(container as unknown as Element);
  }

  async render(props: P): Promise<void> {
    const element = createElement(this.#component, props);
    await act(async () => this.#root.render(this.#strict ? createElement(StrictMode, null, element) : element));
  }

  async unmount(): Promise<void> {
    await act(async () => this.#root.unmount());
  }
}

/** Lets something happen, and waits until React has rendered it. */
export function happens(what: () => void): Promise<void> {
  return act(async () => what());
}
