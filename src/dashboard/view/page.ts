import type { Batch, Change, Feed } from "../../client/types.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { parsePosition } from "../../protocol/position.ts";
import { Columns } from "../model/columns.ts";
import { selectionOf, writeChoice, type Choice } from "../model/page-url.ts";
import { Trends } from "../model/recent-values.ts";
import { Rows } from "../model/rows.ts";
import { WholeEntry } from "../model/whole-entry.ts";
import type { ServerApi } from "../model/server-api.ts";
import { StatusView, type CredentialForm } from "./connection-view.ts";
import { DetailView } from "./detail-view.ts";
import { byId } from "./dom.ts";
import { EntriesView } from "./entries-view.ts";
import { NeverPublished } from "./never-published.ts";
import { setUpPanels, type Shown } from "./panels.ts";
import { setUpTheme } from "./theme.ts";

/** If no frame was drawn for so long (milliseconds), a change is too old to be marked. */
const FLASH_WITHIN = 1000;
/** Entries of a snapshot in which fields are looked for at once. The others follow when they come into view. */
const SAMPLED = 5000;

/** One feed on screen. Changes go into the model as they come, also in a hidden tab. */
export class Page {
  #choice: Choice;
  readonly #feed: Feed<JsonObject>;
  readonly #api: ServerApi;
  readonly #columns = new Columns();
  readonly #trends = new Trends();
  readonly #rows = new Rows(() => performance.now());
  readonly #frames = new FrameLoop((waited) => this.#draw(waited));
  readonly #entries: EntriesView;
  readonly #detail: DetailView;
  readonly #status: StatusView;
  readonly #never: NeverPublished;
  readonly #credential: CredentialForm;
  /** The whole value of the entry whose detail is open, while the others are cut. */
  readonly #whole: WholeEntry;
  /** The members of values that are asked for; undefined while all are. */
  #members: readonly string[] | undefined;
  #wasLost = false;

  /** `watch` follows one key beside the feed, with all its fields. */
  constructor(
    choice: Choice,
    feed: Feed<JsonObject>,
    watch: (key: string) => Feed<JsonObject>,
    api: ServerApi,
    credential: CredentialForm,
  ) {
    this.#choice = choice;
    this.#feed = feed;
    this.#api = api;
    this.#credential = credential;
    this.#whole = new WholeEntry(watch, () => this.#frames.request());
    const model = { rows: this.#rows, columns: this.#columns, trends: this.#trends };
    this.#entries = new EntriesView(model, {
      onChange: () => this.#frames.request(),
      onActive: (key, opened) => (opened || this.#detail.key !== undefined) && this.#open(key),
    });
    this.#detail = new DetailView(
      (key, before) => api.history(choice.feed, key, LIMITS.historyPage, before),
      this.#columns,
      () => this.#closeDetail(),
    );
    this.#status = new StatusView(feed, Date.now());
    this.#never = new NeverPublished(api, choice.feed);
  }

  /** Follows the feed, and shows what the choice says. */
  start(): void {
    setUpTheme(byId("theme", HTMLSelectElement), () => this.#detail.chart.recolour());
    this.#feed.on("change", (changes, batch) => this.#change(changes, batch));
    this.#feed.on("status", () => this.#stateChanged());
    setInterval(() => this.#tick(), 1000);
    document.addEventListener("keydown", ({ key }) => {
      const isDetailOnTop = this.#detail.key !== undefined && document.querySelector("dialog[open]") === null;
      if (key === "Escape" && isDetailOnTop) this.#closeDetail();
    });
    setUpPanels(
      this.#api,
      () => this.#shown(),
      (choice) => this.#select(choice),
    );
    this.#entries.showSelection(this.#choice);
    const { show } = this.#choice;
    if (show !== undefined) {
      this.#open(show);
      this.#entries.table.activate(show);
    }
    this.#stateChanged();
  }

  #change(changes: readonly Change<JsonObject>[], batch: Batch): void {
    const now = Date.now();
    const isLive = batch.cause === "update";
    // Of another selection: what the page had before is the same, though it may have other fields now.
    const isAnswer = batch.reason === "subscribe";
    const seq = parsePosition(batch.position)?.seq ?? 0;
    let sampled = 0;
    for (const { key, value, previous } of changes) {
      if (key === this.#detail.key) this.#detail.chart.add(seq, batch.time ?? now, value);
      if (value === undefined) {
        this.#rows.remove(key);
        this.#trends.remove(key);
        continue;
      }
      if (isLive || sampled++ < SAMPLED) this.#columns.discover(value);
      if (isLive && previous !== undefined) this.#columns.main.observe(previous, value);
      // An entry of a snapshot may have changed at any time, unless the page had it before: then it has changed since.
      const isKnown = isAnswer && previous !== undefined;
      this.#rows.put(key, value, isLive || (previous !== undefined && !isAnswer) ? now : undefined);
      if (!isKnown) this.#entries.addToTrend(key, value, now);
    }
    this.#status.count(isLive ? changes.length : 0, now);
    if (!isLive) this.#detail.chart.refill(!isAnswer);
    this.#frames.request();
  }

  #stateChanged(): void {
    // Updates that were missed come merged, one for each key. The chart loads all of them.
    if (this.#feed.state === "live" && this.#wasLost) this.#detail.chart.refill(false);
    this.#wasLost = !["live", "connecting"].includes(this.#feed.state);
    this.#status.change(Date.now());
    this.#credential.show(this.#feed.status);
    this.#frames.request();
  }

  #tick(): void {
    this.#status.tick(Date.now());
    // Ages grow without a change.
    this.#frames.request();
  }

  /** Returns after how many milliseconds the rows have to be sorted again. */
  #draw(waited: number): number | undefined {
    const now = Date.now();
    this.#rows.refresh(now);
    this.#entries.draw(now, waited < FLASH_WITHIN, this.#feed.state === "live");
    this.#never.draw(this.#feed.exists);
    this.#status.draw(this.#rows.order.length);
    this.#leaveOut();
    const { key } = this.#detail;
    this.#whole.follow(this.#members && key);
    if (key !== undefined) this.#detail.draw(this.#rows.get(key), this.#whole.value, now);
    return this.#rows.dueIn(now);
  }

  /** Once entries have more fields than there are columns, asks only for those that are shown. */
  #leaveOut(): void {
    if (this.#members || this.#feed.state !== "live") return;
    this.#members = this.#columns.members;
    if (this.#members) this.#select(this.#choice);
  }

  #open(key: string): void {
    this.#detail.open(key);
    this.#frames.request();
    this.#setChoice({ ...this.#choice, show: key });
    document.body.toggleAttribute("data-detail", true);
  }

  #closeDetail(): void {
    this.#detail.close();
    this.#setChoice({ ...this.#choice, show: undefined });
    document.body.toggleAttribute("data-detail", false);
    this.#entries.focus();
  }

  #select(choice: Choice): void {
    this.#setChoice(choice);
    this.#entries.showSelection(choice);
    // If the connection is lost meanwhile, the next one has the new selection anyway.
    this.#feed.select({ ...selectionOf(choice), fields: this.#members }).catch(() => {});
  }

  /** The URL always leads back to what is shown. */
  #setChoice(choice: Choice): void {
    this.#choice = choice;
    history.replaceState(null, "", writeChoice(choice));
  }

  #shown(): Shown {
    const key = this.#detail.key ?? this.#rows.order[0]?.key;
    const value = this.#whole.value ?? (key === undefined ? undefined : this.#rows.get(key)?.value);
    return { choice: this.#choice, key, value, main: this.#columns.main.column };
  }
}

/**
 * Draws the page at most once a frame, and only after a change. A hidden tab has no frames, so it draws nothing until it is
 * shown again.
 */
class FrameLoop {
  readonly #draw: (waited: number) => number | undefined;
  #dueSince: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * `draw` gets how long the frame was due (milliseconds), and returns after how many milliseconds it has to be called
   * again, or undefined if only a change makes that necessary.
   */
  constructor(draw: (waited: number) => number | undefined) {
    this.#draw = draw;
  }

  /** Something has changed. */
  request(): void {
    if (this.#dueSince !== undefined) return;
    this.#dueSince = performance.now();
    requestAnimationFrame(() => this.#frame());
  }

  #frame(): void {
    const waited = performance.now() - (this.#dueSince ?? 0);
    this.#dueSince = undefined;
    const again = this.#draw(waited);
    if (again === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.request();
    }, again);
  }
}
