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
export type SortValue = number | string | undefined;

export function sortValueOf(
  row: { key: string; value: JsonObject; changedAt: number | undefined },
  by: SortBy,
): SortValue {
  if (by === "key") return row.key;
  if (by === "changed") return row.changedAt;
  const field = fieldAt(row.value, by.path);
  if (field === undefined || field === null) return undefined;
  return numberOf(field) ?? (typeof field === "string" ? field : compactJson(field, 100));
}

/** `sign`: 1 ascending, -1 descending. */
export function compareSortValues(a: SortValue, b: SortValue, sign: 1 | -1): number {
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

/** The words of a filter. An entry matches if all of them are found. */
export function readWords(text: string): string[] {
  return text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
}

/** Whether each word is part of the key or of some text in the value, at any depth. */
export function matches(key: string, value: JsonObject, words: readonly string[]): boolean {
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
