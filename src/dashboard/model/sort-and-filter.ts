import type { JsonObject } from "../../protocol/json.ts";
import { compactJson } from "./compact-json.ts";
import { fieldAt, type Column } from "./columns.ts";
import { numberOf } from "./format.ts";

/** What rows are sorted by: their key, when they last changed, or a field. */
export type SortBy = "key" | "changed" | Column;

export interface Sort {
  readonly by: SortBy;
  readonly descending: boolean;
}

/** What a row is sorted by: numbers come before text, and what is not there always comes last. */
export type Rank = number | string | undefined;

export function rankOf(row: { key: string; value: JsonObject; changedAt: number | undefined }, by: SortBy): Rank {
  if (by === "key") return row.key;
  if (by === "changed") return row.changedAt;
  const field = fieldAt(row.value, by.path);
  if (field === undefined || field === null) return undefined;
  return numberOf(field) ?? (typeof field === "string" ? field : compactJson(field, 100));
}

/** `sign`: 1 ascending, -1 descending. */
export function compareRanks(a: Rank, b: Rank, sign: 1 | -1): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a === b ? 0 : a < b ? -sign : sign;
}

/** What a click on a column's header asks for: first the more telling direction, then the other, then by key again. */
export function nextSort(sort: Sort, by: SortBy): Sort {
  // The largest number and the newest change are what people look for.
  const first = by === "changed" || (by !== "key" && by.numeric);
  if (sort.by !== by) return { by, descending: first };
  if (sort.descending === first) return { by, descending: !first };
  return { by: "key", descending: false };
}
