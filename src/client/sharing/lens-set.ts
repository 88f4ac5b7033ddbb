import { createLens, type Changes, type Entries, type Lens, type Shown } from "./lens.ts";
import type { AnySelection } from "../selection.ts";
import type { Batch, Change } from "../types.ts";
import type { JsonObject } from "../../protocol/json.ts";
import type { Tools } from "./tools.ts";

/** The lenses of one connection, one for each selection. */
export interface LensSet {
  of(selection: AnySelection): Lens;
  all(): readonly Lens[];
  /** Drops all others. */
  keep(used: ReadonlySet<Shown | undefined>): void;
  /** Brings those that have entries up to date, after what one message has changed. Returns what has changed in each. */
  follow(changes: Changes, batch: Batch, entries: Entries): ReadonlyMap<Shown | undefined, Changes>;
}

export function createLensSet(tools: Tools): LensSet {
  const lenses = new Map<string, Lens>();
  /** Those that want exact keys alone, by these; made when it is asked for. */
  let exact: Map<string, Lens[]> | undefined;
  let others: readonly Lens[] = [];

  function index(): Map<string, Lens[]> {
    const byKey = new Map<string, Lens[]>();
    others = [...lenses.values()].filter((lens) => !isExact(lens));
    for (const lens of lenses.values()) {
      if (isExact(lens)) for (const key of new Set(lens.selection.keys)) add(byKey, key, lens);
    }
    return byKey;
  }

  /** Each row of a table has a lens of its own: not every one of them looks at every change. */
  function byLens(changes: Changes): Map<Lens, Change<JsonObject>[]> {
    exact ??= index();
    const found = new Map<Lens, Change<JsonObject>[]>();
    for (const change of changes) {
      for (const lens of exact.get(change.key) ?? []) add(found, lens, change);
      for (const lens of others) add(found, lens, change);
    }
    return found;
  }

  return {
    of(selection) {
      const id = JSON.stringify(selection);
      let lens = lenses.get(id);
      if (!lens) {
        lens = createLens(selection, tools);
        lenses.set(id, lens);
        exact = undefined;
      }
      return lens;
    },
    all: () => [...lenses.values()],
    keep(used) {
      for (const [id, lens] of lenses) if (!used.has(lens)) lenses.delete(id);
      exact = undefined;
    },
    follow(changes, batch, entries) {
      // A whole snapshot may come in another order.
      const isWhole = batch.cause === "snapshot" && batch.reason !== "subscribe";
      const changesOf = isWhole ? undefined : byLens(changes);
      const seen = new Map<Shown | undefined, Changes>();
      for (const lens of lenses.values()) {
        if (lens.entries) seen.set(lens, changesOf ? lens.follow(changesOf.get(lens) ?? []) : lens.read(entries));
      }
      return seen;
    },
  };
}

function isExact({ selection: { keys = [] } }: Lens): boolean {
  return keys.length > 0 && !keys.some((key) => key.endsWith("*"));
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
