import type { Mode } from "./codes.ts";
import { fieldProblem, Fields } from "./fields.ts";
import { exceedsBytes } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { keyProblem } from "./names.ts";

/**
 * Which keys a subscriber gets, and what of their values. Normalised: selections that mean the same have the same id, in
 * whatever order and however often patterns and fields were written. Subscribers with the same id share one encoding.
 */
export interface Selection {
  /** The patterns, and after a tab the fields if not all are selected. */
  readonly id: string;
  /** The normalised patterns, separated by commas; "" is all keys. */
  readonly patterns: string;
  /** Exact keys that no prefix covers. */
  readonly keys: ReadonlySet<string>;
  /** Prefixes, sorted by code units. None covers another. `[""]` is everything. */
  readonly prefixes: readonly string[];
  /** Undefined is all. */
  readonly fields: Fields | undefined;
}

/** What a subscriber asks for, in the query or in a `subscribe` message. */
export interface Subscription {
  selection: Selection;
  mode: Mode;
  /** At most so many messages a second; undefined means as often as the server flushes. */
  hz: number | undefined;
}

export const EVERYTHING: Selection = { id: "", patterns: "", keys: new Set(), prefixes: [""], fields: undefined };

export type ParsedSelection = { ok: true; selection: Selection } | { ok: false; reason: string };

/**
 * Reads a selection: exact keys and `prefix*` patterns, and names of fields. An empty list, or `*` among the patterns, is all
 * keys; an empty list of fields is all of them.
 */
export function parseSelection(patterns: readonly string[], fields: readonly string[] = []): ParsedSelection {
  if (patterns.length === 0 && fields.length === 0) return { ok: true, selection: EVERYTHING };
  if (patterns.length > LIMITS.selectionKeys) {
    return { ok: false, reason: `keys has more than ${LIMITS.selectionKeys} entries` };
  }
  const exact = new Set<string>();
  const prefixes = new Set<string>();
  for (const [i, pattern] of patterns.entries()) {
    if (pattern === "*") {
      prefixes.add("");
      continue;
    }
    const isPrefix = pattern.endsWith("*");
    const name = isPrefix ? pattern.slice(0, -1) : pattern;
    const problem = keyProblem(name);
    if (problem) return { ok: false, reason: `keys[${i}] ${problem}` };
    (isPrefix ? prefixes : exact).add(name);
  }
  if (patterns.length === 0) prefixes.add("");
  if (fields.length > LIMITS.selectionFields) {
    return { ok: false, reason: `fields has more than ${LIMITS.selectionFields} entries` };
  }
  for (const [i, name] of fields.entries()) {
    const problem = fieldProblem(name);
    if (problem) return { ok: false, reason: `fields[${i}] ${problem}` };
  }
  const selection = withFields(normalise(exact, prefixes), fields.length > 0 ? new Fields(fields) : undefined);
  if (!exceedsBytes(selection.id, LIMITS.selectionBytes)) return { ok: true, selection };
  const what = selection.fields ? "keys and fields are together" : "keys is";
  return { ok: false, reason: `${what} longer than ${LIMITS.selectionBytes} bytes` };
}

/**
 * Reads back a selection that the server normalised before: its patterns (keys in order, then prefixes in order), and the
 * id of its fields, undefined if it has none.
 */
export function restoreSelection(patterns: string, fields: string | undefined): Selection {
  return withFields(selectionOfPatterns(patterns), fields === undefined ? undefined : Fields.ofId(fields));
}

function selectionOfPatterns(text: string): Selection {
  if (text === "") return EVERYTHING;
  const patterns = text.split(",");
  const first = patterns.findIndex((pattern) => pattern.endsWith("*"));
  const keys = first < 0 ? patterns : patterns.slice(0, first);
  const prefixes = first < 0 ? [] : patterns.slice(first).map((pattern) => pattern.slice(0, -1));
  return { id: text, patterns: text, keys: new Set(keys), prefixes, fields: undefined };
}

/** No key and no name of a field has a tab. */
function withFields(selection: Selection, fields: Fields | undefined): Selection {
  return fields ? { ...selection, id: `${selection.patterns}\t${fields.id}`, fields } : selection;
}

export function selects(selection: Selection, key: string): boolean {
  return selection.keys.has(key) || isCovered(selection.prefixes, key);
}

/**
 * Whether one of `prefixes` covers the key. They are sorted by code units and none covers another, so only the last one that
 * is not above the key can cover it. If `key` is a prefix itself: whether all keys that begin with it are covered.
 */
export function isCovered(prefixes: readonly string[], key: string): boolean {
  let low = 0;
  let high = prefixes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((prefixes[middle] ?? "") <= key) low = middle + 1;
    else high = middle;
  }
  const last = prefixes[low - 1];
  return last !== undefined && key.startsWith(last);
}

function normalise(exact: Set<string>, prefixes: Set<string>): Selection {
  // In the order of code units, a prefix comes right before all that it covers.
  const kept: string[] = [];
  for (const prefix of [...prefixes].toSorted()) {
    const last = kept.at(-1);
    if (last === undefined || !prefix.startsWith(last)) kept.push(prefix);
  }
  if (kept[0] === "") return EVERYTHING;
  const keys = [...exact].filter((key) => !isCovered(kept, key)).toSorted();
  const patterns = [...keys, ...kept.map((prefix) => `${prefix}*`)].join(",");
  return { id: patterns, patterns, keys: new Set(keys), prefixes: kept, fields: undefined };
}
