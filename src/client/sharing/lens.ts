import type { AnySelection } from "../selection.ts";
import type { Tools } from "./tools.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Change } from "../types.ts";

export type Entries = ReadonlyMap<string, JsonObject>;
export type Changes = readonly Change<JsonObject>[];

/** What one selection shows of a connection that has more. */
export interface Lens {
  readonly selection: AnySelection;
  /** Undefined until the connection has all that is selected. */
  readonly entries: Entries | undefined;
  /** Takes the entries from all that the connection has, in its order, and returns what is different. */
  read(all: Entries): Changes;
  /** Follows changes of the connection's entries, and returns those that show. */
  follow(changes: Changes): Changes;
}

/** What is needed of a lens to show it. */
export type Shown = Pick<Lens, "entries">;

export function createLens(selection: AnySelection, tools: Tools): Lens {
  const { keyFilter, cutter, isEqual } = tools;
  const { keys = [] } = selection;
  const isSelected = keyFilter(selection);
  let entries: Map<string, JsonObject> | undefined;

  const cut = cutter(selection);
  /** Values that look the same stay the same objects. */
  const shownOf = (value: JsonObject, previous: JsonObject | undefined): JsonObject => {
    const shown = cut(value);
    return shown !== value && previous && isEqual(previous, shown) ? previous : shown;
  };

  /** A row of a table wants one key: then the others need not be looked at. */
  const lookedAt = (all: Entries): Iterable<readonly [string, JsonObject]> => {
    const [key = ""] = keys;
    if (keys.length !== 1 || key.endsWith("*")) return all;
    const value = all.get(key);
    return value ? [[key, value]] : [];
  };

  return {
    selection,
    get entries() {
      return entries;
    },
    read(all) {
      const before = entries ?? new Map<string, JsonObject>();
      entries = new Map();
      for (const [key, value] of lookedAt(all)) if (isSelected(key)) entries.set(key, shownOf(value, before.get(key)));
      return difference(before, entries, tools);
    },
    follow(changes) {
      const seen: Change<JsonObject>[] = [];
      for (const change of changes) {
        const { key } = change;
        if (!entries || !isSelected(key)) continue;
        const previous = entries.get(key);
        const value = change.value && shownOf(change.value, previous);
        if (value === previous) continue;
        if (value) entries.set(key, value);
        else entries.delete(key);
        seen.push({ ...change, value, previous });
      }
      return seen;
    },
  };
}

/** What makes one of the other. */
export function difference(before: Entries, after: Entries, { isEqual }: Pick<Tools, "isEqual">): Changes {
  const changes: Change<JsonObject>[] = [];
  for (const [key, previous] of before) if (!after.has(key)) changes.push({ key, value: undefined, previous });
  for (const [key, value] of after) {
    const previous = before.get(key);
    if (!isEqual(previous, value)) changes.push({ key, value, previous });
  }
  return changes;
}
