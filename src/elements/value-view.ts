import type { Json } from "../protocol/json.ts";
import { calm, make } from "./dom.ts";
import { directionOf } from "./value-text.ts";

/** Each with a space that does not break. */
const MARKS = { up: "\u00a0▲", down: "\u00a0▼", same: "" } as const;
/** How a change begins to be shown. */
const FLASH = "var(--ticker-flash, color-mix(in srgb, var(--move, currentColor) 18%, transparent))";
/** Milliseconds. */
const FLASH_TIME = 800;

/** A value on the page, with the mark of its last change. */
export class ValueView {
  readonly text = make("span", "value");
  readonly mark = make("span", "mark");
  #value: Json | undefined;

  constructor() {
    // A shape has no name of its own.
    this.mark.role = "img";
    this.#point("same");
  }

  /** Without a value, the next one is no change. */
  show(value: Json | undefined, text: string): void {
    const before = this.#value;
    this.#value = value;
    const isOther = text !== this.text.textContent;
    if (isOther) this.text.textContent = text;
    if (before === undefined || value === undefined) this.#point("same");
    else if (value !== before) {
      const direction = directionOf(before, value);
      if (direction === "same" && !isOther) return;
      this.#point(direction);
      if (!calm.matches) this.text.animate({ backgroundColor: [FLASH, "transparent"] }, FLASH_TIME);
    }
  }

  #point(direction: keyof typeof MARKS): void {
    this.text.className = direction;
    this.mark.className = this.mark.part.value = `mark ${direction}`;
    this.mark.ariaLabel = direction;
    this.mark.textContent = MARKS[direction];
  }
}
