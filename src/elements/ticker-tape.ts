import type { JsonObject } from "../protocol/json.ts";
import { calm, furnish, make } from "./dom.ts";
import { FeedElement, type Shown } from "./feed-element.ts";
import { RunningStrip } from "./running-strip.ts";
import { TAPE_STYLE, VALUE_STYLE } from "./styles.ts";
import { TapeList, type Row } from "./tape-list.ts";

/** Pixels a second. */
const SPEED = 60;
/** Keys: nobody waits for more to pass by, and each is in the page twice. */
const MAX_ITEMS = 200;

/** `<ticker-tape feed="stocks" field="last">`: a strip of values that runs through the page. */
export class TickerTape extends FeedElement {
  readonly #list = new TapeList();
  /** What follows the list, so that it has no end. */
  readonly #copy = new TapeList();
  readonly #track = make("div", "track", this.#list.element, this.#copy.element);
  readonly #window = make("div", "window", this.#track);
  readonly #button = make("button", "button");
  /** The only thing that is read out without being asked for. */
  readonly #notice = make("span", "");
  #said = "";
  readonly #strip = new RunningStrip(this.#track);
  readonly #move = (): void => this.#runOrStand();
  readonly #widths = new ResizeObserver(this.#move);
  #isStopped = false;
  #isEmpty = true;
  #isFresh = false;

  constructor() {
    super();
    const strip = this.#window;
    this.#list.element.role = "list";
    this.#copy.element.ariaHidden = "true";
    this.#notice.role = "status";
    strip.role = "group";
    strip.tabIndex = 0;
    for (const event of ["pointerenter", "pointerleave", "focus", "blur"]) strip.addEventListener(event, this.#move);
    this.#button.ariaLabel = "Pause";
    this.#button.addEventListener("click", () => {
      this.#isStopped = !this.#isStopped;
      this.#move();
    });
    furnish(this, VALUE_STYLE + TAPE_STYLE, this.#notice, strip, this.#button);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#widths.observe(this.#list.element);
    calm.addEventListener("change", this.#move);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#widths.disconnect();
    calm.removeEventListener("change", this.#move);
  }

  protected keys(): readonly string[] {
    const names = (this.getAttribute("keys") ?? "").split(",").map((key) => key.trim());
    return names.filter((key) => key !== "");
  }

  protected forget(): void {
    this.#said = "";
    this.#place([]);
  }

  protected show({ feed, field, format, doubt = "" }: Shown): void {
    const { state } = feed.status;
    const entries = inOrder(feed.entries(), this.keys());
    const rows = entries.slice(0, MAX_ITEMS).map(([key, value]): Row => {
      const member = Object.hasOwn(value, field) ? value[field] : undefined;
      return [key, member, member === undefined ? "–" : format(member)];
    });
    const hasField = rows.some(([, value]) => value !== undefined);
    const name = this.getAttribute("label") || `${this.need("feed")}, ${field}`;
    this.#window.ariaLabel = name;
    this.#window.title = doubt;
    this.#window.classList.toggle("doubtful", doubt !== "");
    this.#isFresh = !doubt || state === "recovering";
    if (!this.#isFresh) this.#say(doubt);
    else if (hasField) this.#say("", `${name}: ${entries.length} entries`);
    else this.#say(rows.length > 0 ? `no field ${field}` : "no entries");
    // Nothing is known of what comes, and what is there may still be right.
    if (state !== "connecting") this.#place(hasField ? rows : []);
  }

  protected explain(problem: string): void {
    this.forget();
    this.#say(problem);
  }

  /** Replaces what is said. What only screen readers are told is not said again with each change of a count. */
  #say(notice: string, unseen = ""): void {
    const said = notice || "live";
    if (said === this.#said) return;
    this.#said = said;
    this.#notice.textContent = this.#notice.title = notice || unseen;
    this.#notice.className = this.#notice.part.value = notice ? "note" : "unseen";
  }

  #place(rows: readonly Row[]): void {
    this.#list.show(rows);
    this.#copy.show(rows);
    this.#isEmpty = rows.length === 0;
    this.#move();
  }

  /** As everything is now. */
  #runOrStand(): void {
    const strip = this.#window;
    const speed = Number(this.getAttribute("speed") ?? SPEED);
    const isCalm = this.#isEmpty || calm.matches || !(speed > 0);
    // With the focus in it, it is moved by the arrow keys.
    const isStill = isCalm || this.#isStopped || strip.matches(":focus");
    this.#button.hidden = this.#copy.element.hidden = isCalm;
    this.#button.ariaPressed = String(this.#isStopped);
    this.#button.textContent = this.#isStopped ? "▸" : "❚❚";
    strip.classList.toggle("still", isStill);
    // Where it stands, it goes on by hand; and where that has led, it runs on.
    if (isStill) strip.scrollLeft += this.#strip.end();
    else {
      const { offsetWidth } = this.#list.element;
      this.#strip.run(this.#isFresh && !strip.matches(":hover"), offsetWidth, speed, strip.scrollLeft);
      strip.scrollLeft = 0;
    }
  }
}

/** As the page names the keys, and those of one pattern by name: in the same order after every snapshot. */
function inOrder(entries: Iterable<[string, JsonObject]>, keys: readonly string[]): [string, JsonObject][] {
  const rank = (key: string): number =>
    keys.findIndex((wanted) => wanted === key || (wanted.endsWith("*") && key.startsWith(wanted.slice(0, -1))));
  const wanted = [...entries].filter(([key]) => keys.length === 0 || rank(key) >= 0);
  return wanted.toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
}
