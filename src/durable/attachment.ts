import * as v from "valibot";
import { LIMITS } from "../protocol/limits.ts";
import { MODES, type Subscription } from "../protocol/messages.ts";
import type { Position } from "../protocol/position.ts";
import { selectionOfId } from "../protocol/selection.ts";

const attachmentSchema = v.object({
  epoch: v.string(),
  seq: v.number(),
  selection: v.union([v.string(), v.instance(Uint8Array)]),
  mode: v.picklist(MODES),
  hz: v.optional(v.number()),
  publisher: v.optional(v.string()),
  expires: v.optional(v.number()),
  address: v.optional(v.string()),
  packed: v.optional(v.boolean()),
});

/** All that a socket is, beside the connection itself. It outlives the object's memory with the socket. */
export interface SocketState {
  readonly subscription: Subscription;
  /** Who publishes over it; none where it may not. */
  readonly publisher: string | undefined;
  /** When its credential ends, in milliseconds since 1970; none where it does not. */
  readonly expires: number | undefined;
  /** Where it is counted as coming from; none where it is not counted. */
  readonly address: string | undefined;
  /** Whether it speaks MessagePack. */
  readonly packed: boolean;
  /** What the client was last told. */
  readonly told: Position;
}

/** Written with every message sent, so that a rebuilt object knows what each client has: a fraction of what a send costs. */
export function saveState(socket: WebSocket, state: SocketState): void {
  const { subscription, told, publisher, expires, address, packed } = state;
  const { selection, mode, hz } = subscription;
  const { epoch, seq } = told;
  const attachment: Record<string, unknown> = { epoch, seq, selection: compact(selection.id), mode };
  // What most sockets have not is not written down: this is done for each message to each of them.
  if (hz !== undefined) attachment["hz"] = hz;
  if (publisher !== undefined) attachment["publisher"] = publisher;
  if (expires !== undefined) attachment["expires"] = expires;
  if (address !== undefined) attachment["address"] = address;
  if (packed) attachment["packed"] = true;
  socket.serializeAttachment(attachment);
}

/** Reads a socket's state back; nothing where it has none that this version can read. */
export function loadState(socket: WebSocket): SocketState | undefined {
  const result = v.safeParse(attachmentSchema, socket.deserializeAttachment());
  if (!result.success) return undefined;
  const { epoch, seq, selection, mode, hz, publisher, expires, address, packed } = result.output;
  return {
    subscription: { selection: selectionOfId(expand(selection)), mode, hz },
    publisher,
    expires,
    address,
    packed: packed === true,
    told: { epoch, seq },
  };
}

/**
 * The platform stores a string as one byte a character, or as two each where any is beyond Latin-1: a selection of
 * the largest size would then not fit. Such a one is stored as UTF-8.
 */
function compact(text: string): string | Uint8Array {
  if (2 * text.length <= LIMITS.selectionBytes) return text;
  // oxlint-disable-next-line no-control-regex
  return /^[\u0000-\u00ff]*$/.test(text) ? text : new TextEncoder().encode(text);
}

function expand(stored: string | Uint8Array): string {
  return typeof stored === "string" ? stored : new TextDecoder().decode(stored);
}
