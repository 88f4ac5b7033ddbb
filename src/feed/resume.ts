import { LIMITS } from "../protocol/limits.ts";
import type { SnapshotReason, Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { encodeDelete, encodeSet } from "../protocol/update.ts";
import type { Entry } from "./entry.ts";
import type { Feed } from "./feed.ts";
import type { Log } from "./record.ts";
import type { Selection } from "../protocol/selection.ts";

/** One `update` message, but for its encoding. */
export interface UpdateBatch {
  readonly from: number;
  readonly seq: number;
  /** When the newest of the updates was accepted, in milliseconds since 1970. */
  readonly time: number;
  /** Updates in canonical JSON. */
  readonly updates: readonly string[];
  /** Updates merged away, where that is known. */
  readonly skipped: number;
}

/** How a subscriber at some position reaches the present. */
export type CatchUp =
  | { readonly kind: "updates"; readonly batches: readonly [UpdateBatch, ...UpdateBatch[]] }
  | { readonly kind: "snapshot"; readonly reason: SnapshotReason };

/**
 * Decides how whoever stands at `since` is brought up to date: by what changed, in at least one batch though it be
 * empty, or by a snapshot where the feed cannot show that nothing is lost.
 */
export function resume(feed: Feed, log: Log, subscription: Subscription, since: Position | undefined): CatchUp {
  if (!since) return { kind: "snapshot", reason: "initial" };
  if (since.epoch !== feed.epoch) return { kind: "snapshot", reason: "epoch_changed" };
  if (since.seq > feed.seq) return { kind: "snapshot", reason: "position_ahead" };
  const batches =
    subscription.mode === "all"
      ? everyUpdate(feed, log, subscription.selection, since.seq)
      : latestState(feed, subscription.selection, since.seq);
  return batches ? { kind: "updates", batches } : { kind: "snapshot", reason: "position_expired" };
}

/** The latest state of the keys whose seq is above `from`, as one batch. */
function latestState(feed: Feed, selection: Selection, from: number): [UpdateBatch] | undefined {
  if (from < feed.entries.forgotten) return undefined;
  const updates: string[] = [];
  let length = 0;
  for (const entry of feed.entries.changedAfter(from, selection)) {
    const text = encodeState(entry);
    length += text.length;
    if (length > LIMITS.catchUpLength) return undefined;
    updates.push(text);
  }
  // With everything selected, each seq that is not shown was merged away. Of a part of the keys that is not known.
  const skipped = selection.prefixes[0] === "" ? feed.seq - from - updates.length : 0;
  return [{ from, seq: feed.seq, time: feed.time, updates, skipped }];
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

/** Every update after `from`, in messages of bounded size that never split a batch. */
function everyUpdate(
  feed: Feed,
  log: Log,
  selection: Selection,
  from: number,
): [UpdateBatch, ...UpdateBatch[]] | undefined {
  const batches: UpdateBatch[] = [];
  let start = from;
  let updates: string[] = [];
  let length = 0;
  let total = 0;
  for (let after = from, isEnd = false; !isEnd;) {
    const piece = log.read(after, selection);
    if (!piece) return undefined;
    for (const batch of piece.batches) {
      if (length > LIMITS.snapshotPartLength) {
        batches.push({ from: start, seq: batch.from, time: batch.time, updates, skipped: 0 });
        start = batch.from;
        updates = [];
        length = 0;
      }
      for (const text of batch.updates) {
        updates.push(text);
        length += text.length;
        total += text.length;
      }
      if (total > LIMITS.replayLength) return undefined;
    }
    after = piece.seq;
    isEnd = piece.isEnd;
  }
  const last = { from: start, seq: feed.seq, time: feed.time, updates, skipped: 0 };
  const [first, ...more] = batches;
  return first ? [first, ...more, last] : [last];
}

/** Consecutive batches as one, for a reply that can hold only one message. */
export function joinBatches(batches: readonly [UpdateBatch, ...UpdateBatch[]]): UpdateBatch {
  return batches.reduce((first, second) => ({
    ...second,
    from: first.from,
    updates: [...first.updates, ...second.updates],
    skipped: first.skipped + second.skipped,
  }));
}
