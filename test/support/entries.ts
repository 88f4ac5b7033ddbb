import type { Entries } from "../../src/feed/state/entries.ts";
import type { Entry } from "../../src/feed/state/entry.ts";

/** Live entries and tombstones, the one that changed longest ago first. */
export function oldestFirst(entries: Entries): Entry[] {
  const walk = entries.walk();
  const all: Entry[] = [];
  for (let entry = walk.next(); entry; entry = walk.next()) all.push(entry);
  walk.end();
  return all;
}
