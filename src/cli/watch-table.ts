import { styleText } from "node:util";
import { createLogUpdate } from "log-update";
import { Columns, fieldAt, textOf, type Column } from "../dashboard/model/columns.ts";
import { directionOf, formatClock, formatCount, type Direction } from "../dashboard/model/format.ts";
import type { Feed, FeedStatus } from "../client/index.ts";
import type { JsonObject } from "../protocol/json.ts";
import { fit, widthOf } from "./text-width.ts";
import { plainText } from "./output.ts";

/** Milliseconds between two pictures. More a second nobody can read. */
const FRAME_MS = 100;
/** Milliseconds that a change stays marked. */
const MARK_MS = 1_500;
/** Of the terminal where it does not say. */
const WIDTH = 80;
const HEIGHT = 24;
const MOST_KEY_WIDTH = 32;

const ARROWS: Record<Direction, string> = { up: "▲", down: "▼", change: "•" };
const COLOURS: Record<Direction, "green" | "red" | "yellow"> = { up: "green", down: "red", change: "yellow" };

export type WatchedFeed = Feed<JsonObject>;

/** Whether there are colours is decided once, and not by Node. */
const ALWAYS = { validateStream: false };

/** What changed in an entry, and when. */
interface Mark {
  readonly at: number;
  readonly fields: ReadonlyMap<string, Direction>;
}

/** Shows the entries in the terminal, as they change, until the feed is closed or the user ends it. */
export async function showTable(feed: WatchedFeed, stop: AbortSignal): Promise<void> {
  const screen = createLogUpdate(process.stdout);
  const table = new Table(isColoured());
  let isDue = true;
  const off = [
    feed.on("change", (changes) => {
      const now = Date.now();
      for (const { key, value, previous } of changes) table.note(key, value, previous, now);
      isDue = true;
    }),
    feed.on("status", () => void (isDue = true)),
  ];
  let wasMarked = false;
  const draw = (): void => {
    const now = Date.now();
    const isMarked = table.isMarked(now);
    // Marks go away without anything that happens.
    if (!isDue && !isMarked && !wasMarked) return;
    wasMarked = isMarked;
    isDue = false;
    const { columns, rows } = process.stdout;
    screen(table.draw(headOf(feed), columns || WIDTH, (rows || HEIGHT) - 1, now).join("\n"));
  };
  const timer = setInterval(draw, FRAME_MS);
  const resized = (): void => void (isDue = true);
  process.stdout.on("resize", resized);
  try {
    await new Promise<void>((resolve) => {
      const look = ({ state }: FeedStatus): void => void (state === "closed" && resolve());
      off.push(feed.on("status", look));
      look(feed.status);
      stop.addEventListener("abort", () => resolve());
    });
    isDue = true;
    draw();
  } finally {
    clearInterval(timer);
    process.stdout.off("resize", resized);
    for (const end of off) end();
    // The last picture stays, and the cursor is shown again.
    screen.done();
  }
}

function isColoured(): boolean {
  return !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
}

function headOf(feed: Pick<WatchedFeed, "name" | "status" | "size" | "counters">): string {
  const { state, reason, since } = feed.status;
  const why = state === "live" || reason === "" ? "" : `: ${plainText(reason)}`;
  const age = state === "stale" || state === "recovering" ? `, as of ${formatClock(since)}` : "";
  const entries = `${formatCount(feed.size)} ${feed.size === 1 ? "entry" : "entries"}`;
  return `${feed.name}  ${state}${why}${age}  ${entries}  ${formatCount(feed.counters.updates)} updates`;
}

/** The entries as lines of text. */
export class Table {
  readonly #isColoured: boolean;
  readonly #columns = new Columns();
  readonly #values = new Map<string, JsonObject>();
  readonly #marks = new Map<string, Mark>();
  #keys: readonly string[] | undefined;
  #keyWidth = 3;

  constructor(isColoured: boolean) {
    this.#isColoured = isColoured;
  }

  note(key: string, value: JsonObject | undefined, previous: JsonObject | undefined, now: number): void {
    if (value === undefined) {
      this.#values.delete(key);
      this.#marks.delete(key);
      this.#keys = undefined;
      return;
    }
    if (!this.#values.has(key)) this.#keys = undefined;
    this.#values.set(key, value);
    this.#columns.discover(value);
    this.#keyWidth = Math.min(MOST_KEY_WIDTH, Math.max(this.#keyWidth, widthOf(plainText(key))));
    if (previous === undefined) return;
    const fields = new Map<string, Direction>();
    for (const { id, path } of this.#columns.list) {
      const [before, after] = [fieldAt(previous, path), fieldAt(value, path)];
      if (before !== after && JSON.stringify(before) !== JSON.stringify(after))
        fields.set(id, directionOf(before, after));
    }
    this.#marks.set(key, { at: now, fields });
  }

  /** Whether some change is still marked. */
  isMarked(now: number): boolean {
    for (const [key, { at }] of this.#marks) if (now - at > MARK_MS) this.#marks.delete(key);
    return this.#marks.size > 0;
  }

  /** At most `height` lines of `width` columns each. */
  draw(head: string, width: number, height: number, now: number): string[] {
    this.#keys ??= [...this.#values.keys()].toSorted();
    const columns = this.#fitting(width);
    const title = columns.map((column) => cell(column.label, column)).join("");
    const lines = [fit(head, width), this.#dim(fit(`${fit("", this.#keyWidth)}${title}`, width))];
    const room = height - lines.length;
    const hidden = this.#keys.length > room ? this.#keys.length - room + 1 : 0;
    const shown = hidden > 0 ? this.#keys.slice(0, Math.max(0, room - 1)) : this.#keys;
    for (const key of shown) lines.push(this.#row(key, columns, now));
    if (hidden > 0) lines.push(this.#dim(fit(`and ${formatCount(hidden)} more: --keys selects`, width)));
    return lines;
  }

  #row(key: string, columns: readonly Column[], now: number): string {
    const value = this.#values.get(key) ?? {};
    const mark = this.#marks.get(key);
    const fields = mark && now - mark.at <= MARK_MS ? mark.fields : undefined;
    const cells = columns.map((column) => {
      const text = plainText(textOf(fieldAt(value, column.path), column));
      const direction = fields?.get(column.id);
      if (direction === undefined) return cell(text, column);
      const marked = cell(text, column, ARROWS[direction]);
      return this.#isColoured ? styleText(COLOURS[direction], marked, ALWAYS) : marked;
    });
    return `${fit(plainText(key), this.#keyWidth)}${cells.join("")}`;
  }

  /** The columns that there is room for: whole ones, from the left. */
  #fitting(width: number): Column[] {
    let left = width - this.#keyWidth;
    const fitting: Column[] = [];
    for (const column of this.#columns.list) {
      left -= widthOfColumn(column) + 3;
      if (left < 0) break;
      fitting.push(column);
    }
    return fitting;
  }

  #dim(text: string): string {
    return this.#isColoured ? styleText("dim", text, ALWAYS) : text;
  }
}

const widthOfColumn = ({ label, width }: Column): number => Math.max(widthOf(plainText(label)), width);

/** Two spaces, a mark, and the text: numbers to the right. */
function cell(text: string, column: Column, mark = " "): string {
  const width = widthOfColumn(column);
  const fitted = fit(plainText(text), width);
  const bare = fitted.trimEnd();
  return `  ${mark}${column.numeric ? `${" ".repeat(width - widthOf(bare))}${bare}` : fitted}`;
}
