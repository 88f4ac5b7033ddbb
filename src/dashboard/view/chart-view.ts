import type { HistoryAnswer } from "../../protocol/answers.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column, type Columns } from "../model/columns.ts";
import { formatCount, numberOf } from "../model/format.ts";
import { KeyHistory, replay, type PastValues } from "../model/key-history.ts";
import type { ApiResult } from "../model/server-api.ts";
import type { Chart } from "./chart.ts";
import { byId, offer, write } from "./dom.ts";

/** Milliseconds before a key's history is requested. A reader who runs through the rows requests only the last one's. */
const PAUSE = 120;

/** Requests a page of a key's history: the newest one, or the one before a seq. */
export type LoadHistory = (key: string, before?: number) => Promise<ApiResult<HistoryAnswer>>;

/** The chart of one number of one key: its history, and what comes live. */
export class ChartView {
  readonly #loadHistory: LoadHistory;
  readonly #columns: Columns;
  readonly #field = byId("detail-field", HTMLSelectElement);
  readonly #earlier = byId("detail-earlier", HTMLButtonElement);
  #key: string | undefined;
  #history = new KeyHistory();
  #before: number | undefined;
  #chart: Chart | undefined;
  #chosen: Column | undefined;
  #drawn: Column | undefined;
  #last: number | undefined;
  #isLoaded = false;

  constructor(loadHistory: LoadHistory, columns: Columns) {
    this.#loadHistory = loadHistory;
    this.#columns = columns;
    this.#earlier.addEventListener("click", () => void this.#loadEarlier());
    this.#field.addEventListener("change", () => {
      this.#chosen = this.#columns.byId(this.#field.value);
      this.#draw();
    });
  }

  /** The number that is shown: the chosen one, which stays for other keys too, or else the most important field. */
  get column(): Column | undefined {
    return this.#chosen ?? this.#columns.main.column;
  }

  open(key: string): void {
    this.#key = key;
    this.#history = new KeyHistory();
    this.#before = undefined;
    this.#isLoaded = false;
    this.#earlier.hidden = true;
    this.#note("Loading its history…");
    void this.#loadChart();
    setTimeout(() => key === this.#key && void this.#load(), PAUSE);
    this.#draw();
  }

  close(): void {
    this.#key = undefined;
    this.#chart?.remove();
    this.#chart = undefined;
  }

  /** Loads what was missed. `fromScratch`: what is shown is no longer valid. */
  refill(fromScratch: boolean): void {
    if (this.#key === undefined) return;
    if (fromScratch) this.#history = new KeyHistory();
    void this.#load();
  }

  /** The key has changed. `seq`: the feed's after the change. `time` in milliseconds since 1970. */
  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#history.add(seq, time, value);
    if (value === undefined || this.#drawn === undefined || this.#drawn !== this.column) return;
    const number = numberOf(fieldAt(value, this.#drawn.path));
    if (number === undefined || number === this.#last) return;
    this.#last = number;
    this.#chart?.add({ time, value: number });
  }

  /** Offers the fields that have been found so far, and counts the updates. */
  refresh(): void {
    const { column } = this;
    offer(this.#field, this.#columns.numeric, column);
    if (column !== this.#drawn) this.#draw();
    const count = this.#history.values.length;
    if (this.#isLoaded) this.#note(count === 1 ? "1 update" : `${formatCount(count)} updates`);
  }

  recolour(): void {
    this.#chart?.recolour();
  }

  #draw(): void {
    const { column } = this;
    if (column === undefined || this.#chart === undefined) return;
    const points = this.#history.points(column.path);
    this.#drawn = column;
    this.#last = points.at(-1)?.value;
    this.#chart.show(points, column.decimals);
    byId("detail-chart").ariaLabel = `${column.label} of ${this.#key ?? ""} over time, ${points.length} points`;
  }

  /** The chart is most of the page's code, so it is loaded when a reader first opens a detail. */
  async #loadChart(): Promise<void> {
    if (this.#chart !== undefined) return;
    const { Chart } = await import("./chart.ts").catch(() => ({ Chart: undefined }));
    if (Chart === undefined) return this.#note("The chart could not be loaded. Reload the page to try again.");
    if (this.#key === undefined || this.#chart !== undefined) return;
    this.#chart = new Chart(byId("detail-chart"));
    this.#draw();
  }

  #load(): Promise<void> {
    const known = this.#history.values.length;
    return this.#request(undefined, (history, page) => {
      history.load(page.values, known);
      // Earlier pages may be loaded already.
      if (history.values[0]?.seq === page.values[0]?.seq) this.#before = page.before;
    });
  }

  async #loadEarlier(): Promise<void> {
    if (this.#before === undefined || this.#earlier.ariaBusy === "true") return;
    this.#earlier.ariaBusy = "true";
    await this.#request(this.#before, (history, page) => {
      history.prepend(page.values);
      this.#before = page.before;
    });
    this.#earlier.ariaBusy = null;
  }

  async #request(before: number | undefined, use: (history: KeyHistory, page: PastValues) => void): Promise<void> {
    const history = this.#history;
    if (this.#key === undefined) return;
    const answer = await this.#loadHistory(this.#key, before);
    // Another key was opened meanwhile.
    if (history !== this.#history) return;
    if (!answer.ok) return this.#note(`Its history can't be shown: ${answer.detail || answer.title}`);
    use(history, replay(answer.value));
    this.#earlier.hidden = this.#before === undefined;
    this.#isLoaded = true;
    this.#draw();
    this.refresh();
  }

  #note(text: string): void {
    write(byId("detail-note"), text);
  }
}
