import { encodeUpdateMessage } from "../../../protocol/server-messages.ts";
import type { Group } from "./subscriber-index.ts";
import type { Feed } from "../../state/feed.ts";
import type { Subscriber } from "../subscriber.ts";

/**
 * What a live subscriber is owed at this moment of what waits for its group, whatever the group's window says; nothing
 * where that is nothing. Only for one who has all that came before it. What was merged away is
 * counted from when it joined; the updates depend on its group and its seq only.
 */
export function messageOwed(
  feed: Feed,
  { pending }: Group<Subscriber>,
  { seq: from, waitedBefore }: Subscriber,
): string | undefined {
  const updates = pending.after(from, feed.entries);
  if (updates.length === 0) return undefined;
  const skipped = pending.added - waitedBefore - updates.length;
  return encodeUpdateMessage({ from, seq: feed.seq, time: feed.time, updates, skipped });
}
