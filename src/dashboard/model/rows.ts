import { isJsonObject, type Json, type JsonObject } from "../../protocol/json.ts";
import { fieldAt, type Column } from "./columns.ts";
import { compactJson, numberOf } from "./format.ts";

/** What rows are sorted by: their key, when they last changed, or a field. */
export type SortBy = "key" | "changed" | Column;

export interface Sort {
  readonly by: SortBy;
  readonly descending: boolean;
}

/** The value that a row is sorted by. Numbers come before text. Undefined comes last in both directions. */
type SortValue = number | string | undefined;

/** One entry as the table shows it. */
export interface Row {
  readonly key: string;
  value: JsonObject;
  /** When it last changed since the page was opened (milliseconds since 1970). Undefined if it has not changed. */
  changedAt: number | undefined;
  /** Whether it matches the filter. */
  shown: boolean;
}

/** Milliseconds for which rows keep their places while values change. People cannot read or click a row that jumps. */
const REORDER_AFTER = 1000;
/** Sorting may take at most this share of the time, however many rows there are. */
const SORT_SHARE = 0.05;

/** All entries, and the order of those that match the filter. Time is an argument, in milliseconds. */
export class Rows {
  /** The rows that are shown, in order. Replaced, never modified. */
  order: readonly Row[] = [];
  readonly #rows = new Map<string, Row>();
  #sort: Sort = { by: "key", descending: false };
  #words: readonly string[] = [];
  /** The two reasons to sort again: rows came or went, or the values that rows are sorted by changed. */
  #membersChanged = false;
  #valuesChanged = false;
  #sortedAt = Number.NEGATIVE_INFINITY;
  #cost = 0;
  readonly #clock: () => number;

  /** `clock` measures what sorting costs, in milliseconds. */
  constructor(clock: () => number = () => 0) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#rows.size;
  }

  get sort(): Sort {
    return this.#sort;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  values(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** `now`: when it changed, or undefined if that was before the page was opened. */
  put(key: string, value: JsonObject, now: number | undefined): void {
    const row = this.#rows.get(key);
    const shown = matches(key, value, this.#words);
    if (shown !== (row?.shown ?? false)) this.#membersChanged = true;
    if (row === undefined) {
      this.#rows.set(key, { key, value, changedAt: now, shown });
      return;
    }
    row.value = value;
    row.changedAt = now ?? row.changedAt;
    row.shown = shown;
    if (this.#sort.by !== "key") this.#valuesChanged = true;
  }

  remove(key: string): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#membersChanged ||= row.shown;
  }

  sortBy(sort: Sort): void {
    this.#sort = sort;
    this.#sortWithoutDelay();
  }

  filter(text: string): void {
    this.#words = text.toLowerCase().match(/\S+/g) ?? [];
    for (const row of this.#rows.values()) row.shown = matches(row.key, row.value, this.#words);
    this.#sortWithoutDelay();
  }

  /** Sorts again if that is due. Returns whether it did. */
  refresh(now: number): boolean {
    const isDue = this.dueIn(now) === 0;
    if (isDue) this.#sortRows(now);
    return isDue;
  }

  /** Milliseconds until `refresh` has to sort again, or undefined if nothing has changed. */
  dueIn(now: number): number | undefined {
    if (!this.#membersChanged && !this.#valuesChanged) return undefined;
    const rest = this.#cost / SORT_SHARE;
    const pause = this.#membersChanged ? rest : Math.max(REORDER_AFTER, rest);
    return Math.max(0, this.#sortedAt + pause - now);
  }

  /** The reader asked for another order, and does not have to wait for it. */
  #sortWithoutDelay(): void {
    this.#membersChanged = true;
    this.#sortedAt = Number.NEGATIVE_INFINITY;
  }

  #sortRows(now: number): void {
    const began = this.#clock();
    const { by, descending } = this.#sort;
    const sortable: { row: Row; by: SortValue }[] = [];
    for (const row of this.#rows.values()) if (row.shown) sortable.push({ row, by: sortValueOf(row, by) });
    const sign = descending ? -1 : 1;
    sortable.sort((a, b) => compareSortValues(a.by, b.by, sign) || (a.row.key < b.row.key ? -1 : 1));
    this.order = sortable.map(({ row }) => row);
    this.#membersChanged = this.#valuesChanged = false;
    this.#sortedAt = now;
    this.#cost = this.#clock() - began;
  }
}

function sortValueOf(row: Row, by: SortBy): SortValue {
  if (by === "key") return row.key;
  if (by === "changed") return row.changedAt;
  const field = fieldAt(row.value, by.path);
  if (field === undefined || field === null) return undefined;
  return numberOf(field) ?? (typeof field === "string" ? field : compactJson(field, 100));
}

/** `sign`: 1 ascending, -1 descending. */
function compareSortValues(a: SortValue, b: SortValue, sign: 1 | -1): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a === b ? 0 : a < b ? -sign : sign;
}

/** The order after a click on a column's header: first the more useful direction, then the other, then by key again. */
export function nextSort(sort: Sort, by: SortBy): Sort {
  // People look for the largest number and the newest change.
  const first = by === "changed" || (by !== "key" && by.numeric);
  if (sort.by !== by) return { by, descending: first };
  if (sort.descending === first) return { by, descending: !first };
  return { by: "key", descending: false };
}

/** Whether each word of a filter is part of the key or of some text in the value, at any depth. */
function matches(key: string, value: JsonObject, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const texts = [key.toLowerCase()];
  collectTexts(value, texts);
  return words.every((word) => texts.some((text) => text.includes(word)));
}

function collectTexts(value: Json, texts: string[]): void {
  if (typeof value === "string") texts.push(value.toLowerCase());
  else if (Array.isArray(value)) for (const item of value) collectTexts(item, texts);
  else if (isJsonObject(value)) for (const name of Object.keys(value)) collectTexts(value[name] ?? null, texts);
}
