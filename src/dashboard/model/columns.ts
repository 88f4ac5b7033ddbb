import { fieldProblem } from "../../protocol/fields.ts";
import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { decimalsOf, formatDateTime, formatValue, numberOf } from "./format.ts";

/**
 * A field that entries have, and how it is shown. Width and decimals only ever grow: a price that loses a digit must not
 * move the table.
 */
export interface Column {
  /** Unique, and never changes. */
  readonly id: string;
  /** Member names from the value down to the field. */
  readonly path: readonly string[];
  /** The path with dots. */
  readonly label: string;
  numeric: boolean;
  /** Whether its numbers are milliseconds since 1970, and are shown as date and time. */
  readonly isTime: boolean;
  decimals: number;
  /** Characters. */
  width: number;
}

/** An entry may have thousands of fields. A table that wide would help no reader. */
const MAX_COLUMNS = 64;
/** Levels of nested objects that become columns. */
const MAX_DEPTH = 3;
/** An object with more members is data of its own, such as an order book. It is shown as JSON in one cell. */
const MAX_MEMBERS = 8;
/** Characters of one column. */
const MAX_WIDTH = 28;

/** A member of an object that has been seen, with its own members, and its column if it is shown. */
interface Node {
  readonly members: Map<string, Node>;
  column: Column | undefined;
}

/** Finds the columns in the values. */
export class Columns {
  readonly list: Column[] = [];
  /** Increases when a column is added or is shown in another way. */
  revision = 0;
  /** Whether there were more fields than columns. */
  clipped = false;
  readonly main = new MainField(this);
  readonly #root: Node = { members: new Map(), column: undefined };

  get numeric(): readonly Column[] {
    return this.list.filter(({ numeric }) => numeric);
  }

  /**
   * The members of values that have all columns, if entries have more than these. Undefined if all are shown, or if the server
   * would not take a name.
   */
  get members(): readonly string[] | undefined {
    if (!this.clipped) return undefined;
    const names = [...new Set(this.list.map(({ path }) => path[0] ?? ""))];
    return names.some(fieldProblem) ? undefined : names;
  }

  /** Finds the fields of an entry's value. */
  discover(value: JsonObject): void {
    this.#walk(this.#root, value, []);
  }

  byId(id: string): Column | undefined {
    return this.list.find((column) => column.id === id);
  }

  #walk(node: Node, value: JsonObject, path: readonly string[]): void {
    for (const name of Object.keys(value)) {
      const field = value[name] ?? null;
      let child = node.members.get(name);
      if (child === undefined) {
        if (this.list.length >= MAX_COLUMNS) {
          this.clipped = true;
          continue;
        }
        node.members.set(name, (child = { members: new Map(), column: undefined }));
      }
      if (isExpanded(field, path.length + 1)) this.#walk(child, field, [...path, name]);
      else this.#see(child, field, path, name);
    }
  }

  #see(node: Node, field: Json, path: readonly string[], name: string): void {
    const column = (node.column ??= this.#add([...path, name], isTimeField(name, field)));
    if (column === undefined) return;
    const decimals = column.isTime ? 0 : decimalsOf(field);
    const numeric = numberOf(field) !== undefined;
    if (decimals > column.decimals) {
      // Values that are shown already get the new decimals too, and a point if they had none.
      column.width += decimals - column.decimals + (column.decimals === 0 ? 1 : 0);
      column.decimals = decimals;
      this.revision++;
    }
    if (numeric && !column.numeric) {
      column.numeric = true;
      this.revision++;
    }
    if (column.width >= MAX_WIDTH) return;
    const width = Math.min(MAX_WIDTH, textOf(field, column).length);
    if (width <= column.width) return;
    column.width = width;
    this.revision++;
  }

  #add(path: readonly string[], isTime: boolean): Column | undefined {
    if (this.list.length >= MAX_COLUMNS) {
      this.clipped = true;
      return undefined;
    }
    const label = path.join(".");
    const id = this.list.some((column) => column.label === label) ? JSON.stringify(path) : label;
    const column = { id, path, label, numeric: false, isTime, decimals: 0, width: 1 };
    this.list.push(column);
    this.revision++;
    return column;
  }
}

function isExpanded(field: Json, depth: number): field is JsonObject {
  if (depth >= MAX_DEPTH || !isJsonObject(field)) return false;
  const members = Object.keys(field).length;
  return members > 0 && members <= MAX_MEMBERS;
}

/** A field as its column shows it. */
export function textOf(field: Json | undefined, { decimals, isTime }: Column): string {
  return isTime && typeof field === "number" ? formatDateTime(field) : formatValue(field, decimals);
}

/** By name and size: `updatedAt: 1732096000123`. From 2001 to 2286, milliseconds since 1970 have thirteen digits. */
function isTimeField(name: string, field: Json): boolean {
  return typeof field === "number" && field >= 1e12 && field < 1e13 && /(time|date|at|ts|since|stamp)$/i.test(name);
}

/** The field at a path, or undefined. Only own members count. */
export function fieldAt(value: JsonObject, path: readonly string[]): Json | undefined {
  let field: Json | undefined = value;
  for (const name of path) {
    if (!isJsonObject(field) || !Object.hasOwn(field, name)) return undefined;
    field = field[name];
  }
  return field;
}

/** Names that the most important figure of an entry often has, in any kind of feed. */
const NAMES = ["last", "price", "value", "mid", "rate", "close", "load", "temperature", "count"];
/** Changes that are looked at to see how each field moves. */
const ENOUGH = 200;

/**
 * Chooses the number whose trend is worth showing: by its name, or else the first number that goes both up and down, which
 * counters and times do not.
 */
class MainField {
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
