import { LIMITS } from "../../../protocol/limits.ts";
import { encodeDelete, encodeSet } from "../../../protocol/update.ts";
import type { Selection } from "../../../protocol/selection.ts";
import { COST, costOf, type Meter } from "../fanout-limits.ts";
import type { Entry } from "../../state/entry.ts";
import type { Feed } from "../../state/feed.ts";

/** One `update` message, but for its encoding. */
export interface UpdateBatch {
  readonly from: number;
  readonly seq: number;
  /** When the newest of the updates was accepted, in milliseconds since 1970. */
  readonly time: number;
  /** Updates in canonical JSON; several may stand in one text, with commas. None where nothing changed. */
  readonly updates: readonly string[];
  /** Updates merged away, where that is known. */
  readonly skipped: number;
}

/**
 * The latest state of the keys that have changed after `from`, as one batch; nothing where deletions since then have been
 * forgotten, or where it would be longer than a snapshot is worth.
 */
export function latestState(feed: Feed, selection: Selection, from: number, meter: Meter): UpdateBatch | undefined {
  if (from < feed.entries.forgotten) return undefined;
  meter.work += costOf(selection);
  const changed: Entry[] = [];
  let length = 0;
  for (const entry of feed.entries.changedAfter(from, selection)) {
    changed.push(entry);
    meter.work += COST.key;
    length += entry.key.length + (entry.text?.length ?? 0);
    if (length > LIMITS.catchUpLength) return undefined;
  }
  meter.work += length;
  const updates = changed.map(encodeState);
  // With everything selected, each seq that is not shown was merged away. Of a part of the keys that is not known.
  const skipped = selection.prefixes[0] === "" ? feed.seq - from - updates.length : 0;
  return { from, seq: feed.seq, time: feed.time, updates, skipped };
}

/** Whether nothing that is selected has changed after `from`, as far as that is known without the log. */
export function isUnchanged(feed: Feed, selection: Selection, from: number, meter: Meter): boolean {
  if (from === feed.seq) return true;
  if (from < feed.entries.forgotten) return false;
  // All that is looked at and not found.
  meter.work += costOf(selection) + COST.key * Math.min(feed.seq - from, 4 * feed.entries.mostSelected(selection));
  for (const _ of feed.entries.changedAfter(from, selection)) return false;
  return true;
}

/** A key's present state as an update that is right whatever the receiver had. */
export function encodeState(entry: Entry): string {
  const stamps = {
    ...(entry.time !== undefined && { time: entry.time }),
    ...(entry.version !== undefined && { version: entry.version }),
  };
  const { text } = entry;
  return text === undefined ? encodeDelete(entry.key, stamps) : encodeSet(entry.key, text, stamps);
}
