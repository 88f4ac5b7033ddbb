import * as v from "valibot";
import { MODES, type Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { selectionOfId } from "../protocol/selection.ts";

const attachmentSchema = v.object({
  epoch: v.string(),
  seq: v.number(),
  selection: v.string(),
  mode: v.picklist(MODES),
  hz: v.optional(v.number()),
  publish: v.boolean(),
});

/** All that a socket is, beside the connection itself. It outlives the object's memory with the socket. */
export interface SocketState {
  readonly subscription: Subscription;
  readonly mayPublish: boolean;
  /** What the client was last told. */
  readonly told: Position;
}

/** Written with every message sent, so that a rebuilt object knows what each client has: a fraction of what a send costs. */
export function saveState(socket: WebSocket, { subscription, mayPublish, told }: SocketState): void {
  const { selection, mode, hz } = subscription;
  socket.serializeAttachment({ ...told, selection: selection.id, mode, hz, publish: mayPublish });
}

/** Reads a socket's state back; nothing where it has none that this version can read. */
export function loadState(socket: WebSocket): SocketState | undefined {
  const result = v.safeParse(attachmentSchema, socket.deserializeAttachment());
  if (!result.success) return undefined;
  const { epoch, seq, selection, mode, hz, publish } = result.output;
  return {
    subscription: { selection: selectionOfId(selection), mode, hz },
    mayPublish: publish,
    told: { epoch, seq },
  };
}
