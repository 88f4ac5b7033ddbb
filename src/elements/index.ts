// Defines both elements. A page loads it as /assets/tickertape.elements.js, and a bundled one imports it.
import { TickerTape } from "./ticker-tape.ts";
import { TickerValue } from "./ticker-value.ts";

export { TickerTape, TickerValue };

declare global {
  interface HTMLElementTagNameMap {
    "ticker-tape": TickerTape;
    "ticker-value": TickerValue;
  }
}

const { customElements } = globalThis;
// Not on a server, and not twice: a page may have two copies of it.
if (customElements && !customElements.get("ticker-value")) {
  customElements.define("ticker-value", TickerValue);
  customElements.define("ticker-tape", TickerTape);
}
