import type { JsonObject } from "../../protocol/json.ts";
import { compareRanks, rankOf, type Rank, type Sort } from "./sort-and-filter.ts";
import { matches, readWords } from "./filter.ts";

/** One entry as the table has it. */
export interface Row {
  readonly key: string;
  value: JsonObject;
  /** When it last changed while this page watched (milliseconds since 1970); none where it never did. */
  changedAt: number | undefined;
  /** Whether the filter lets it through. */
  shown: boolean;
}

/** Milliseconds for which rows keep their places while their values change: nobody can read or click what keeps jumping. */
const REORDER_AFTER = 1000;
/** Sorting may take this share of the time at most, however many rows there are. */
const SORT_SHARE = 0.05;

/** All entries, and the order in which those that pass the filter are shown. Time is an argument, in milliseconds. */
export class Rows {
  /** The rows that are shown, in order. Replaced, never modified. */
  order: readonly Row[] = [];
  readonly #rows = new Map<string, Row>();
  #sort: Sort = { by: "key", descending: false };
  #words: readonly string[] = [];
  /** What makes a new order necessary: other rows are to be shown, or their ranks have changed. */
  #membersChanged = false;
  #ranksChanged = false;
  #orderedAt = Number.NEGATIVE_INFINITY;
  #cost = 0;
  readonly #clock: () => number;

  /** `clock`: measures what sorting costs, in milliseconds. */
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

  /** `now`: when it changed; none where it was there before this page watched. */
  put(key: string, value: JsonObject, now: number | undefined): void {
    const row = this.#rows.get(key);
    if (row === undefined) {
      const added = { key, value, changedAt: now, shown: matches(key, value, this.#words) };
      this.#rows.set(key, added);
      this.#membersChanged ||= added.shown;
      return;
    }
    row.value = value;
    row.changedAt = now ?? row.changedAt;
    const shown = matches(key, value, this.#words);
    if (shown !== row.shown) this.#membersChanged = true;
    row.shown = shown;
    if (this.#sort.by !== "key") this.#ranksChanged = true;
  }

  remove(key: string): void {
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#membersChanged ||= row.shown;
  }

  clear(): void {
    this.#rows.clear();
    this.#membersChanged = true;
  }

  sortBy(sort: Sort): void {
    this.#sort = sort;
    this.#now();
  }

  filter(text: string): void {
    this.#words = readWords(text);
    for (const row of this.#rows.values()) row.shown = matches(row.key, row.value, this.#words);
    this.#now();
  }

  /** Brings the order up to date where that is due. Returns whether it did. */
  refresh(now: number): boolean {
    const elapsed = now - this.#orderedAt;
    const due =
      (this.#membersChanged && elapsed >= this.#cost / SORT_SHARE) || (this.#ranksChanged && elapsed >= this.#pause());
    if (due) this.#reorder(now);
    return due;
  }

  /** Milliseconds until `refresh` has something to do; nothing where it has not. */
  dueIn(now: number): number | undefined {
    if (!this.#membersChanged && !this.#ranksChanged) return undefined;
    return Math.max(0, this.#orderedAt + (this.#membersChanged ? this.#cost / SORT_SHARE : this.#pause()) - now);
  }

  #pause(): number {
    return Math.max(REORDER_AFTER, this.#cost / SORT_SHARE);
  }

  /** Somebody asked for another order, and gets it at once. */
  #now(): void {
    this.#membersChanged = true;
    this.#orderedAt = Number.NEGATIVE_INFINITY;
  }

  #reorder(now: number): void {
    const began = this.#clock();
    const ranked: { row: Row; rank: Rank }[] = [];
    for (const row of this.#rows.values()) if (row.shown) ranked.push({ row, rank: rankOf(row, this.#sort.by) });
    const sign = this.#sort.descending ? -1 : 1;
    ranked.sort((a, b) => compareRanks(a.rank, b.rank, sign) || (a.row.key < b.row.key ? -1 : 1));
    this.order = ranked.map(({ row }) => row);
    this.#membersChanged = this.#ranksChanged = false;
    this.#orderedAt = now;
    this.#cost = this.#clock() - began;
  }
}
