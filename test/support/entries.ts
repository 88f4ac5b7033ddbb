import type { Entries } from "../../src/feed/entries.ts";
import type { Entry } from "../../src/feed/entry.ts";

/** Live entries and tombstones, the one that changed longest ago first. */
export function oldestFirst(entries: Entries): Entry[] {
  const walk = entries.walk();
  const all: Entry[] = [];
  for (let entry = walk.next(); entry; entry = walk.next()) all.push(entry);
  walk.end();
  return all;
}
