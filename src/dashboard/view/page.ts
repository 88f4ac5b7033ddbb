import { connect } from "../../client/index.ts";
import type { Batch, Change, Feed } from "../../client/types.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { parsePosition } from "../../protocol/position.ts";
import { writeChoice, type Choice } from "../model/page-url.ts";
import { Api } from "../model/server-api.ts";
import { Columns } from "../model/columns.ts";
import { CredentialPanel } from "./credential-panel.ts";
import { DetailView } from "./detail-view.ts";
import { EntriesView } from "./entries-view.ts";
import { MainField } from "../model/main-field.ts";
import { setUpPanels, type Shown } from "./panels.ts";
import { Rows } from "../model/rows.ts";
import { snippetsFor } from "../model/snippets.ts";
import { StatusView } from "./connection-view.ts";
import { Trends } from "../model/trends.ts";

/** After so long without a frame (milliseconds), what changed is history and not worth a mark. */
const FLASH_WITHIN = 1000;
/** Entries of a snapshot that are looked at for fields at once; the others are when they come into view. */
const SAMPLED = 5000;
/** Updates of one page of history: as many as the server gives. */
const HISTORY_PAGE = LIMITS.historyPage;

/**
 * One feed on screen. What comes is taken in as it comes, also in a hidden tab; it is drawn once a frame at most, and a
 * hidden tab has no frames.
 */
export class Page {
  #choice: Choice;
  readonly #feed: Feed<JsonObject>;
  readonly #columns = new Columns();
  readonly #main = new MainField(this.#columns);
  readonly #trends = new Trends();
  readonly #rows = new Rows(() => performance.now());
  readonly #entries: EntriesView;
  readonly #detail: DetailView;
  readonly #status: StatusView;
  readonly #credential: CredentialPanel;
  #wasLost = false;
  #frameDueSince: number | undefined;
  #reorderTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(choice: Choice) {
    this.#choice = choice;
    this.#credential = new CredentialPanel(() => this.#feed.reconnect());
    const token = (): string | undefined => this.#credential.value;
    this.#feed = connect<JsonObject>(location.origin, choice.feed, { keys: keysOf(choice), hz: choice.hz, token });
    const api = new Api(location.origin, token);
    const model = { rows: this.#rows, columns: this.#columns, trends: this.#trends, main: this.#main };
    this.#entries = new EntriesView(model, {
      onNeed: () => this.#need(),
      onActive: (key, opened) => (opened || this.#detail.key !== undefined) && this.#open(key),
    });
    this.#detail = new DetailView(
      (key, before) => api.history(choice.feed, key, HISTORY_PAGE, before),
      model,
      () => this.#closeDetail(),
    );
    this.#status = new StatusView(this.#feed, Date.now());
    this.#setUpPanels(api);
    this.#feed.on("change", (changes, batch) => this.#change(changes, batch));
    this.#feed.on("status", () => this.#stateChanged());
    setInterval(() => this.#tick(), 1000);
    this.#stateChanged();
  }

  recolour(): void {
    this.#detail.recolour();
  }

  #change(changes: readonly Change<JsonObject>[], batch: Batch): void {
    const now = Date.now();
    const live = batch.cause === "update";
    const seq = parsePosition(batch.position)?.seq ?? 0;
    let sampled = 0;
    for (const { key, value, previous } of changes) {
      if (key === this.#detail.key) this.#detail.add(seq, batch.time ?? now, value);
      if (value === undefined) {
        this.#rows.remove(key);
        this.#trends.remove(key);
        continue;
      }
      if (live || sampled++ < SAMPLED) this.#columns.discover(value);
      if (live && previous !== undefined) this.#main.observe(previous, value);
      // What a snapshot brings may have changed at any time; only what was here before has changed since.
      this.#rows.put(key, value, live || previous !== undefined ? now : undefined);
      this.#entries.addToTrend(key, value, now);
    }
    this.#status.count(live ? changes.length : 0, now);
    if (!live) this.#detail.refill(batch.reason !== "subscribe");
    this.#need();
  }

  #stateChanged(): void {
    // What was missed came as one update a key, or will: the chart wants all of it.
    if (this.#feed.state === "live" && this.#wasLost) this.#detail.refill(false);
    this.#wasLost = !["live", "connecting"].includes(this.#feed.state);
    this.#status.change(Date.now());
    this.#credential.show(this.#feed.status);
    this.#need();
  }

  #tick(): void {
    this.#status.tick(Date.now());
    // Ages go on without a change.
    this.#need();
  }

  #need(): void {
    if (this.#frameDueSince !== undefined) return;
    this.#frameDueSince = performance.now();
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    const waited = performance.now() - (this.#frameDueSince ?? 0);
    this.#frameDueSince = undefined;
    const now = Date.now();
    this.#rows.refresh(now);
    this.#entries.draw(now, waited < FLASH_WITHIN, this.#feed.state === "live");
    this.#status.draw(this.#rows.order.length);
    const { key } = this.#detail;
    if (key !== undefined) this.#detail.draw(this.#rows.get(key), now);
    const due = this.#rows.dueIn(now);
    if (due === undefined || this.#reorderTimer !== undefined) return;
    this.#reorderTimer = setTimeout(() => {
      this.#reorderTimer = undefined;
      this.#need();
    }, due);
  }

  #open(key: string): void {
    this.#detail.open(key);
    this.#need();
    this.#address({ ...this.#choice, show: key });
    document.body.toggleAttribute("data-detail", true);
  }

  #closeDetail(): void {
    this.#detail.close();
    this.#address({ ...this.#choice, show: undefined });
    document.body.toggleAttribute("data-detail", false);
    this.#entries.focus();
  }

  /** The address always leads back to what is shown. */
  #address(choice: Choice): void {
    this.#choice = choice;
    history.replaceState(null, "", writeChoice(choice));
  }

  #setUpPanels(api: Api): void {
    setUpPanels(
      api,
      () => this.#shown(),
      (choice) => {
        this.#address(choice);
        this.#entries.showSelection(choice);
        // A connection that is lost meanwhile comes back with the new selection: nothing is left to do.
        this.#feed.select({ keys: keysOf(choice), hz: choice.hz }).catch(() => {});
      },
    );
    this.#entries.showSelection(this.#choice);
    this.#entries.showExample(snippetsFor(location.origin, this.#choice)[0]?.text ?? "");
    const { show } = this.#choice;
    if (show !== undefined) {
      this.#open(show);
      this.#entries.activate(show);
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#detail.key !== undefined && document.querySelector("dialog[open]") === null) {
        this.#closeDetail();
      }
    });
  }

  /** What the panels are about. */
  #shown(): Shown {
    const key = this.#detail.key ?? this.#rows.order[0]?.key;
    const value = key === undefined ? undefined : this.#rows.get(key)?.value;
    return { choice: this.#choice, key, value, main: this.#main.column };
  }
}

function keysOf({ keys }: Choice): readonly string[] | undefined {
  return keys.length > 0 ? keys : undefined;
}
