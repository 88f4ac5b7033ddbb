import { LIMITS } from "../protocol/limits.ts";
import { encodeSnapshotPart, type SnapshotReason } from "../protocol/messages.ts";
import type { Selection } from "../protocol/selection.ts";
import type { Entry } from "./entry.ts";
import type { Feed } from "./feed.ts";

export interface SnapshotRequest {
  readonly selection: Selection;
  readonly reason: SnapshotReason;
  /** The `id` of the message that this answers. */
  readonly id?: number | undefined;
  /** Leaves out the keys that the subscriber has already. */
  readonly except?: ((key: string) => boolean) | undefined;
}

/** A snapshot of a selection as messages: all but the last carry `more`, and they are applied as one. */
export function snapshotMessages(feed: Feed, request: SnapshotRequest): string[] {
  const messages: string[] = [];
  let part: string[] = [];
  let length = 0;
  for (const entry of feed.entries.select(request.selection)) {
    if (request.except?.(entry.key)) continue;
    if (length > LIMITS.snapshotPartLength) {
      messages.push(encodeSnapshotPart(feed.position, request.reason, part.join(","), true, request.id));
      part = [];
      length = 0;
    }
    const text = encodeMember(entry);
    part.push(text);
    length += text.length;
  }
  messages.push(encodeSnapshotPart(feed.position, request.reason, part.join(","), false, request.id));
  return messages;
}

/** The inside of the `entries` object of a whole snapshot: JSON members. */
export function snapshotEntries(feed: Feed, selection: Selection): string {
  const members: string[] = [];
  for (const entry of feed.entries.select(selection)) {
    members.push(encodeMember(entry));
  }
  return members.join(",");
}

/** A live entry as a member of the `entries` object. */
function encodeMember({ key, text }: Entry): string {
  return `${JSON.stringify(key)}:${text ?? "{}"}`;
}
