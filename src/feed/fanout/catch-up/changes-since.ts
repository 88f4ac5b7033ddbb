import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Selection } from "../../../protocol/selection.ts";
import { encodeEntry, type Entry } from "../../state/entry.ts";
import type { Feed } from "../../state/feed.ts";
import { keyOf } from "../../state/record-lines.ts";
import type { Log } from "../../state/record.ts";
import type { Cutter } from "../cutter.ts";
import type { RecentUpdates } from "./recent-updates.ts";
import { COST, lookOf, lookupCost, type WorkMeter } from "../work.ts";

/*
 * "What has changed since seq S?" is the one question of every catch-up, and `Entries.changedAfter` is the one answer. It
 * serves a client that resumes, a slow consumer that has drained, and a subscriber whose group had more waiting than
 * memory holds, be it for its rate or for the load.
 */

/** What one `update` message says: the updates between two seqs. */
export interface UpdateRange {
  readonly from: number;
  readonly seq: number;
  /** When the newest of the updates was accepted, in milliseconds since 1970. */
  readonly time: number;
  /** Updates in canonical JSON; one text may have several, with commas between them. Empty if nothing changed. */
  readonly updates: readonly string[];
  /** Updates merged away, if that is known; else 0. */
  readonly skipped: number;
}

export interface ChangesContext {
  readonly feed: Feed;
  readonly log: Log;
  readonly recent: RecentUpdates;
  readonly cutter: Cutter;
}

/**
 * The present state of the selected keys that have changed after `seq`. Undefined if deletions since then may have been
 * forgotten, or if it would be so long that a snapshot serves better. If fields are selected, it leaves out the keys of which
 * the log tells that none of these was touched.
 */
export function changesSince(
  { feed, log, recent, cutter }: ChangesContext,
  selection: Selection,
  seq: number,
  meter: WorkMeter,
): UpdateRange | undefined {
  if (seq < feed.entries.forgotten) return undefined;
  meter.work += lookupCost(selection);
  const { fields } = selection;
  const cut = cutter.to(fields, meter);
  const touched =
    cut &&
    (recent.covers(seq, feed.seq)
      ? recent.touchedSince(seq, selection, cut, meter)
      : look(feed, log, selection, seq, meter));
  const changed: Entry[] = [];
  let length = 0;
  for (const entry of feed.entries.changedAfter(seq, selection)) {
    meter.work += COST.key;
    if (touched && !touched.has(entry.key)) continue;
    changed.push(entry);
    length += entry.key.length + (entry.text?.length ?? 0);
    if (length > SERVER_LIMITS.catchUpLength) return undefined;
  }
  if (!cut) meter.work += length;
  const updates = changed.map((entry) => encodeEntry(entry, cut));
  // If everything is selected, each seq without an update was merged away. For a part of it that is not known.
  const skipped = selection.prefixes[0] === "" && !fields ? feed.seq - seq - updates.length : 0;
  return { from: seq, seq: feed.seq, time: feed.time, updates, skipped };
}

/**
 * The keys whose selected fields were touched after `seq`, by one look into the log; undefined if that does not tell. A
 * client that comes back soon, and often, is then not sent what it has.
 */
function look(
  feed: Feed,
  log: Log,
  selection: Selection,
  seq: number,
  meter: WorkMeter,
): ReadonlySet<string> | undefined {
  if (seq === feed.seq) return undefined;
  meter.work += lookOf(selection);
  // Others read all of the log, and need what a replica has of it brought here.
  const piece = log.read(seq, selection, true);
  if (piece === undefined || piece === "later" || piece.seq < feed.seq) return undefined;
  const keys = new Set<string>();
  for (const { updates } of piece.records) for (const update of updates) keys.add(keyOf(update));
  return keys;
}

/** Whether no selected key has changed after `seq`. False also if that cannot be known without the log. */
export function isUnchangedSince(feed: Feed, selection: Selection, seq: number, meter: WorkMeter): boolean {
  if (seq === feed.seq) return true;
  if (seq < feed.entries.forgotten) return false;
  // As if all were looked at and none found.
  meter.work += lookupCost(selection) + COST.key * Math.min(feed.seq - seq, 4 * feed.entries.mostSelected(selection));
  for (const _ of feed.entries.changedAfter(seq, selection)) return false;
  return true;
}
