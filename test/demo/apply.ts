import type { MarketUpdate, StockFields } from "../../src/demo/stock.ts";

/** Applies one update, as a feed does. */
export function applyTo(entries: Map<string, StockFields>, update: MarketUpdate): void {
  if ("set" in update) entries.set(update.key, { ...update.set });
  else {
    const fields = new Map(Object.entries(entries.get(update.key) ?? {}));
    for (const [name, value] of Object.entries(update.patch)) {
      if (value === null) fields.delete(name);
      else fields.set(name, value);
    }
    entries.set(update.key, Object.fromEntries(fields));
  }
}
