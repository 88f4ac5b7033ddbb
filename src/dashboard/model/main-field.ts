import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column, type Columns } from "./columns.ts";
import { numberOf } from "./format.ts";

/** What people call the figure that an entry is about, whatever it is the entry of. */
const NAMES = ["last", "price", "value", "mid", "rate", "close", "load", "temperature", "count"];
/** Changes looked at before a field is chosen by how it moves. */
const ENOUGH = 200;

/** Chooses the number that is worth a line of its own: by name, else the first that goes up and down, as counters and times do not. */
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

  /** Takes in a change. */
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
    const numeric = this.#columns.list.filter((column) => column.numeric && !column.time);
    for (const name of NAMES) {
      const named = numeric.find(({ path }) => path.at(-1)?.toLowerCase() === name);
      if (named) return named;
    }
    return numeric.find((column) => this.#up.has(column) && this.#down.has(column)) ?? numeric[0];
  }
}
