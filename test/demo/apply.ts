import type { Fields, Update } from "../../src/demo/update.ts";

/** What a feed does with one update. */
export function applyTo(entries: Map<string, Fields>, update: Update): void {
  if ("set" in update) entries.set(update.key, { ...update.set });
  else if ("patch" in update) {
    const fields = new Map(Object.entries(entries.get(update.key) ?? {}));
    for (const [name, value] of Object.entries(update.patch)) {
      if (value === null) fields.delete(name);
      else fields.set(name, value);
    }
    entries.set(update.key, Object.fromEntries(fields));
  } else entries.delete(update.key);
}
