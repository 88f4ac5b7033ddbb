import type { Json, JsonObject } from "../../protocol/json.ts";
import type { Answer } from "../model/server-api.ts";
import type { Chart } from "./chart.ts";
import { fieldAt, type Column, type Columns } from "../model/columns.ts";
import { byId, make, write } from "./dom.ts";
import { formatCount, numberOf } from "../model/format.ts";
import { readHistory, type HistoryPage } from "../model/key-history.ts";
import type { MainField } from "../model/main-field.ts";
import { Series } from "../model/series.ts";

/** Milliseconds before a key's history is asked for: whoever runs through the rows asks for one, not for all. */
const PAUSE = 120;

/** Asks for a page of a key's history: the newest one, or the one before a seq. */
export type LoadHistory = (key: string, before?: number) => Promise<Answer<Json>>;

/** The chart of one number of one key: its history, and what comes from now on. */
export class ChartView {
  readonly #loadHistory: LoadHistory;
  readonly #columns: Columns;
  readonly #main: MainField;
  readonly #field = byId("detail-field", HTMLSelectElement);
  readonly #earlier = byId("detail-earlier", HTMLButtonElement);
  #key: string | undefined;
  #series = new Series();
  #before: number | undefined;
  #chart: Chart | undefined;
  #chosen: Column | undefined;
  #drawn: Column | undefined;
  #last: number | undefined;
  #isLoaded = false;

  constructor(loadHistory: LoadHistory, { columns, main }: { columns: Columns; main: MainField }) {
    this.#loadHistory = loadHistory;
    this.#columns = columns;
    this.#main = main;
    this.#earlier.addEventListener("click", () => void this.#loadEarlier());
    this.#field.addEventListener("change", () => {
      this.#chosen = this.#columns.byId(this.#field.value);
      this.#draw();
    });
  }

  /** The number that is shown: the one that was chosen, for whatever key, or else what an entry is about. */
  get column(): Column | undefined {
    return this.#chosen ?? this.#main.column;
  }

  open(key: string): void {
    this.#key = key;
    this.#series = new Series();
    this.#before = undefined;
    this.#isLoaded = false;
    this.#earlier.hidden = true;
    this.#say("Loading its history…");
    void this.#loadChart();
    setTimeout(() => key === this.#key && void this.#load(), PAUSE);
    this.#draw();
  }

  close(): void {
    this.#key = undefined;
    this.#chart?.remove();
    this.#chart = undefined;
  }

  /** Fills in what was missed; `anew`: nothing of what is there counts any more. */
  refill(anew: boolean): void {
    if (this.#key === undefined) return;
    if (anew) this.#series = new Series();
    void this.#load();
  }

  /** Takes in a change of the key. `seq`: the feed's after it; `time` in milliseconds since 1970. */
  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#series.add(seq, time, value);
    if (value === undefined || this.#drawn === undefined || this.#drawn !== this.column) return;
    const number = numberOf(fieldAt(value, this.#drawn.path));
    if (number === undefined || number === this.#last) return;
    this.#last = number;
    this.#chart?.add({ time, value: number });
  }

  /** Offers the fields that there are by now, and counts the updates. */
  offer(): void {
    const numeric = this.#columns.list.filter((column) => column.numeric);
    if (this.#field.options.length !== numeric.length) {
      this.#field.replaceChildren(...numeric.map((column) => make("option", { value: column.id }, column.label)));
    }
    const { column } = this;
    if (column !== undefined && this.#field.value !== column.id) this.#field.value = column.id;
    if (column !== this.#drawn) this.#draw();
    const count = this.#series.moments.length;
    if (this.#isLoaded) this.#say(count === 1 ? "1 update" : `${formatCount(count)} updates`);
  }

  recolour(): void {
    this.#chart?.recolour();
  }

  #draw(): void {
    const { column } = this;
    if (column === undefined || this.#chart === undefined) return;
    const points = this.#series.points(column.path);
    this.#drawn = column;
    this.#last = points.at(-1)?.value;
    this.#chart.show(points, column.decimals);
    byId("detail-chart").ariaLabel = `${column.label} of ${this.#key ?? ""} over time, ${points.length} points`;
  }

  /** The chart is most of the page's code, and only comes when somebody wants to see one. */
  async #loadChart(): Promise<void> {
    if (this.#chart !== undefined) return;
    const { Chart } = await import("./chart.ts").catch(() => ({ Chart: undefined }));
    if (Chart === undefined) return this.#say("The chart could not be loaded. Reload the page to try again.");
    if (this.#key === undefined || this.#chart !== undefined) return;
    this.#chart = new Chart(byId("detail-chart"));
    this.#draw();
  }

  #load(): Promise<void> {
    const known = this.#series.moments.length;
    return this.#take(undefined, (series, page) => {
      series.load(page.moments, known);
      // Earlier pages may be there already.
      if (series.moments[0]?.seq === page.moments[0]?.seq) this.#before = page.before;
    });
  }

  async #loadEarlier(): Promise<void> {
    if (this.#before === undefined || this.#earlier.ariaBusy === "true") return;
    this.#earlier.ariaBusy = "true";
    await this.#take(this.#before, (series, page) => {
      series.prepend(page.moments);
      this.#before = page.before;
    });
    this.#earlier.ariaBusy = null;
  }

  async #take(before: number | undefined, use: (series: Series, page: HistoryPage) => void): Promise<void> {
    const series = this.#series;
    if (this.#key === undefined) return;
    const answer = await this.#loadHistory(this.#key, before);
    // Another key was opened meanwhile.
    if (series !== this.#series) return;
    if (!answer.ok) return this.#say(`Its history can't be shown: ${answer.detail || answer.title}`);
    use(series, readHistory(answer.value));
    this.#earlier.hidden = this.#before === undefined;
    this.#isLoaded = true;
    this.#draw();
    this.offer();
  }

  #say(text: string): void {
    write(byId("detail-note"), text);
  }
}
