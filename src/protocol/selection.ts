import type { Mode } from "./codes.ts";
import { exceedsBytes } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { keyProblem } from "./names.ts";

/**
 * Which keys a subscriber gets. Normalised: selections that mean the same have the same id, in whatever order and however
 * often the patterns were written. Subscribers with the same id share one encoding.
 */
export interface Selection {
  /** The normalised patterns, separated by commas; "" is everything. */
  readonly id: string;
  /** Exact keys that no prefix covers. */
  readonly keys: ReadonlySet<string>;
  /** Prefixes, sorted by code units. None covers another. `[""]` is everything. */
  readonly prefixes: readonly string[];
}

/** What a subscriber asks for, in the query or in a `subscribe` message. */
export interface Subscription {
  selection: Selection;
  mode: Mode;
  /** At most so many messages a second; undefined means as often as the server flushes. */
  hz: number | undefined;
}

export const EVERYTHING: Selection = { id: "", keys: new Set(), prefixes: [""] };

export type ParsedSelection = { ok: true; selection: Selection } | { ok: false; reason: string };

/** Reads a selection: exact keys and `prefix*` patterns. An empty list, or `*` in it, is everything. */
export function parseSelection(patterns: readonly string[]): ParsedSelection {
  if (patterns.length === 0) return { ok: true, selection: EVERYTHING };
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
  const selection = normalise(exact, prefixes);
  return exceedsBytes(selection.id, LIMITS.selectionBytes)
    ? { ok: false, reason: `keys is longer than ${LIMITS.selectionBytes} bytes` }
    : { ok: true, selection };
}

/** Reads the id of a selection that the server normalised before: keys in order, then prefixes in order. */
export function selectionOfId(id: string): Selection {
  if (id === "") return EVERYTHING;
  const patterns = id.split(",");
  const first = patterns.findIndex((pattern) => pattern.endsWith("*"));
  const keys = first < 0 ? patterns : patterns.slice(0, first);
  const prefixes = first < 0 ? [] : patterns.slice(first).map((pattern) => pattern.slice(0, -1));
  return { id, keys: new Set(keys), prefixes };
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
  return { id: [...keys, ...kept.map((prefix) => `${prefix}*`)].join(","), keys: new Set(keys), prefixes: kept };
}
