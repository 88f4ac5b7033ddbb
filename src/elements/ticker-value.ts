import { furnish, make } from "./dom.ts";
import { FeedElement, type Shown } from "./feed-element.ts";
import { VALUE_STYLE } from "./styles.ts";
import { ValueView } from "./value-view.ts";

/** `<ticker-value feed="stocks" key="AAPL" field="last">`: one value, live. */
export class TickerValue extends FeedElement {
  readonly #view = new ValueView();
  /** What the title says, for those who have no pointer to read it with. */
  readonly #hint = make("span", "unseen");
  readonly #all = make("span", "", this.#view.text, this.#view.mark, this.#hint);
  /** Until something is known: what the page has inside the element. */
  readonly #before = make("slot", "", "…");

  constructor() {
    super();
    furnish(this, VALUE_STYLE, this.#all);
  }

  protected keys(): readonly string[] {
    return [this.need("key")];
  }

  protected forget(): void {
    this.explain("");
    this.#view.text.replaceChildren(this.#before);
  }

  protected show({ feed, field, format, doubt }: Shown): void {
    const key = this.need("key");
    const entry = feed.get(key);
    if (entry && Object.hasOwn(entry, field)) {
      const value = entry[field] ?? null;
      this.#view.show(value, format(value));
      this.#look(doubt ? "doubtful" : "", doubt);
    } else if (entry) this.explain(`no field ${field}`, doubt);
    else if (!doubt) this.explain("–", `no ${key}`);
    else if (feed.status.state === "closed") this.explain(doubt);
    else this.#look("doubtful", doubt);
  }

  protected explain(text: string, hint = ""): void {
    this.#view.show(undefined, text);
    this.#look("note", hint);
  }

  #look(look: string, hint = ""): void {
    this.#all.className = this.#all.part.value = look;
    this.#all.title = hint;
    this.#hint.textContent = ` ${hint}`;
  }
}
