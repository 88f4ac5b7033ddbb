import { encodeUpdateMessage, type SnapshotReason, type Subscription } from "../protocol/messages.ts";
import type { Feed } from "./feed.ts";
import type { Log } from "./record.ts";
import { resume, type CatchUp } from "./resume.ts";
import { snapshotMessages } from "./snapshot.ts";
import type { Subscriber } from "./subscriber.ts";

/**
 * All that a subscriber is owed at this moment, whatever its group's window says, as messages; none where nothing that
 * it selects has changed. Depends on its group and its seq only, so that it serves all who stand there.
 */
export function messagesOwed(feed: Feed, log: Log, { group, seq: from, waitedBefore }: Subscriber): readonly string[] {
  if (from >= group.since) {
    const updates = group.pending.after(from, feed.entries);
    const skipped = group.pending.added - waitedBefore - updates.length;
    return updates.length === 0
      ? []
      : [encodeUpdateMessage({ from, seq: feed.seq, time: feed.time, updates, skipped })];
  }
  const catchUp = resume(feed, log, group.subscription, { epoch: feed.epoch, seq: from });
  if (catchUp.kind === "snapshot") return encodeSnapshot(feed, group.subscription, "lagging");
  return catchUp.batches.some(({ updates }) => updates.length > 0)
    ? encodeCatchUp(feed, group.subscription, catchUp)
    : [];
}

export function encodeCatchUp(feed: Feed, subscription: Subscription, catchUp: CatchUp): readonly string[] {
  return catchUp.kind === "snapshot"
    ? encodeSnapshot(feed, subscription, catchUp.reason)
    : catchUp.batches.map(encodeUpdateMessage);
}

export function encodeSnapshot(feed: Feed, { selection }: Subscription, reason: SnapshotReason): readonly string[] {
  return snapshotMessages(feed, { selection, reason });
}
