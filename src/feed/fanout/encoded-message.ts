import type { Position } from "../../protocol/position.ts";
import { encodeUpdateMessage } from "../../protocol/server-messages.ts";
import type { UpdateRange } from "./catch-up/changes-since.ts";

/** A message for subscribers, encoded once for all who get it, with what its transports need to know of it. */
export interface EncodedMessage {
  readonly type: "update" | "snapshot";
  /** JSON. */
  readonly text: string;
  /** The position of a client that has it; undefined if more parts of a snapshot must follow. */
  readonly position: Position | undefined;
  /** Whether it tells of no change, and only confirms the position that the client brought. */
  readonly isEmpty: boolean;
}

/** The `update` message for a range of the updates of an epoch. */
export function updateMessage(epoch: string, range: UpdateRange): EncodedMessage {
  return {
    type: "update",
    text: encodeUpdateMessage(range),
    position: { epoch, seq: range.seq },
    isEmpty: range.updates.length === 0,
  };
}
