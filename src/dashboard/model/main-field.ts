import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column, type Columns } from "./columns.ts";
import { numberOf } from "./format.ts";

/** Names that the most important figure of an entry often has, in any kind of feed. */
const NAMES = ["last", "price", "value", "mid", "rate", "close", "load", "temperature", "count"];
/** Changes that are looked at to see how each field moves. */
const ENOUGH = 200;

/**
 * Chooses the number whose trend is worth showing: by its name, or else the first number that goes both up and down, which
 * counters and times do not.
 */
export class MainField {
  readonly #columns: Columns;
  readonly #up = new Set<Column>();
  readonly #down = new Set<Column>();
  #seen = 0;
  #revision = -1;
  #column: Column | undefined;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  get column(): Column | undefined {
    if (this.#revision !== this.#columns.revision) {
      this.#revision = this.#columns.revision;
      this.#column = this.#choose();
    }
    return this.#column;
  }

  /** Looks at how an entry changed. */
  observe(before: JsonObject, after: JsonObject): void {
    if (this.#seen++ > ENOUGH) return;
    for (const column of this.#columns.list) {
      const from = numberOf(fieldAt(before, column.path));
      const to = numberOf(fieldAt(after, column.path));
      if (from !== undefined && to !== undefined && from !== to) (to > from ? this.#up : this.#down).add(column);
    }
    this.#revision = -1;
  }

  #choose(): Column | undefined {
    const numeric = this.#columns.numeric.filter((column) => !column.isTime);
    for (const name of NAMES) {
      const named = numeric.find(({ path }) => path.at(-1)?.toLowerCase() === name);
      if (named) return named;
    }
    return numeric.find((column) => this.#up.has(column) && this.#down.has(column)) ?? numeric[0];
  }
}
