import { connect, type Feed } from "../client/index.ts";
import type { JsonObject } from "../protocol/json.ts";
import { serverAddress } from "./server-address.ts";
import { doubtOf } from "./status-words.ts";
import { createFormat, type Format } from "./value-text.ts";

/** What there is to show. */
export interface Shown {
  readonly feed: Feed<JsonObject>;
  readonly field: string;
  readonly format: Format;
  /** Why it may not be what the server has, and since when; undefined while it is. */
  readonly doubt: string | undefined;
}

// On a server there are no elements: the module can be imported there, and does nothing.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const Base = globalThis.HTMLElement ?? (Object as unknown as typeof HTMLElement);

/**
 * An element that shows a feed: it has part in the page's connection while it is in the document. All attributes may change
 * at any time.
 */
export abstract class FeedElement extends Base {
  static readonly observedAttributes = [
    "src",
    "feed",
    "token",
    "key",
    "keys",
    "field",
    "format",
    "digits",
    "lang",
    "label",
    "speed",
  ];

  #feed: Feed<JsonObject> | undefined;
  /** What `#feed` shows, and with which token. */
  #watched = "";
  #token: string | undefined;
  #format: Format = String;
  /** When it was last live, in milliseconds since 1970: `Infinity` while it is, undefined if it never was. */
  #liveUntil: number | undefined;
  #isPlanned = false;
  #isDrawing = false;

  connectedCallback(): void {
    this.attributeChangedCallback();
  }

  disconnectedCallback(): void {
    this.attributeChangedCallback();
  }

  /** All that a page does in one turn counts as one change: an element that it only moves stays connected. */
  attributeChangedCallback(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#settle();
    });
  }

  /** The keys that it shows, none for all. Throws if an attribute is missing. */
  protected abstract keys(): readonly string[];
  /** What it shows from now on is no change of what it has shown. */
  protected abstract forget(): void;
  protected abstract show(shown: Shown): void;
  /** Says in the place of any value what the page's author has to mend. */
  protected abstract explain(problem: string): void;

  /** An attribute that must be there. */
  protected need(name: string): string {
    const value = this.getAttribute(name);
    if (!value) throw new Error(`${name} is missing`);
    return value;
  }

  #settle(): void {
    if (!this.isConnected) return this.#leave();
    try {
      const base = serverAddress(this.getAttribute("src"), this.baseURI, import.meta.url);
      const feed = this.need("feed");
      const selection = { keys: this.keys(), fields: [this.need("field")] as const };
      const token = this.getAttribute("token") ?? undefined;
      this.#format = createFormat(this.getAttribute("format"), this.getAttribute("digits"), languageOf(this));
      const watched = JSON.stringify([base, feed, selection]);
      if (watched !== this.#watched) this.#leave();
      if (!this.#feed || token !== this.#token) {
        // With another token, what is shown stays, and is in doubt until that is taken.
        this.#feed?.close();
        this.#feed = connect<JsonObject, string>(base, feed, { ...selection, token, share: true });
        this.#feed.subscribe(() => this.#drawSoon());
        this.#watched = watched;
        this.#token = token;
      }
      this.#draw();
    } catch (error) {
      this.#leave();
      this.explain(error instanceof Error ? error.message : String(error));
    }
  }

  #leave(): void {
    this.#feed?.close();
    this.#feed = this.#liveUntil = undefined;
    this.forget();
  }

  /** Once before the browser paints, and not at all in a page that nobody sees. */
  #drawSoon(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const feed = this.#feed;
    if (!feed) return;
    const { state, since } = feed.status;
    if (state === "live") this.#liveUntil = Infinity;
    // Also if it was live before this element had part in it.
    else if (this.#liveUntil || state === "recovering" || state === "stale")
      this.#liveUntil = Math.min(this.#liveUntil ?? Infinity, since);
    const doubt = doubtOf(feed.status, this.#liveUntil);
    this.show({ feed, field: this.need("field"), format: this.#format, doubt });
  }
}

/** That of the nearest element that has one, if the browser knows it: a page may have anything there. */
function languageOf(element: HTMLElement): string | undefined {
  try {
    return Intl.getCanonicalLocales(element.closest<HTMLElement>("[lang]")?.lang)[0];
  } catch {
    return undefined;
  }
}
