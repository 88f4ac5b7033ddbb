import * as v from "valibot";
import { CALLER_KINDS } from "../../access/access.ts";
import type { CountedCaller } from "../../limits/places.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { MODES } from "../../protocol/codes.ts";
import type { Position } from "../../protocol/position.ts";
import { restoreSelection, type Selection, type Subscription } from "../../protocol/selection.ts";
import { SOCKET_FORMATS, type SocketFormat } from "./frames.ts";

const textSchema = v.union([v.string(), v.instance(Uint8Array)]);
/** As running deployments have stored it: `address` is the client IP, and `holder` the id of the credential. */
const callerSchema = v.object({
  address: v.optional(v.string()),
  kind: v.optional(v.picklist(CALLER_KINDS)),
  holder: v.optional(v.string()),
  subject: v.optional(textSchema),
});
const openSchema = v.object({
  ...callerSchema.entries,
  epoch: v.string(),
  // Below 0 the client was in the middle of something that only the lost memory knew.
  seq: v.pipe(v.number(), v.minValue(0)),
  selection: textSchema,
  // Versions without it send all fields.
  fields: v.optional(textSchema),
  mode: v.picklist(MODES),
  hz: v.optional(v.number()),
  publishes: v.optional(v.boolean()),
  expires: v.optional(v.number()),
  format: v.optional(v.picklist(SOCKET_FORMATS)),
  // Written by versions that had no `format`: MessagePack, else JSON.
  packed: v.optional(v.boolean()),
});
/** It has no selection, so that a version that knows only subscribers closes the socket, and sends it nothing. */
const publisherSchema = v.object({
  ...callerSchema.entries,
  publisher: v.literal(true),
  epoch: v.string(),
  expires: v.optional(v.number()),
  format: v.optional(v.picklist(SOCKET_FORMATS), "json"),
});
const closedSchema = v.object({ ...callerSchema.entries, closed: v.number() });

/** The seq of a client that was sent nothing yet, or a part of something: it has no position to go on from. */
export const NO_SEQ = -1;

/** The state of a socket. It outlives the object's memory with the socket. */
export interface SocketState {
  /** Undefined if the socket only publishes. */
  readonly subscription: Subscription | undefined;
  readonly caller: CountedCaller;
  readonly publishes: boolean;
  /** When its credential expires, in milliseconds since 1970; undefined if it does not. */
  readonly expires: number | undefined;
  readonly format: SocketFormat;
  /** What the client has. */
  readonly position: Position;
}

/** A socket that was closed from here and whose client has not closed it yet. */
export interface ClosedState {
  readonly caller: CountedCaller;
  /** The code that it was closed with. */
  readonly closed: number;
}

/** Saves the state. Done with every message sent, so that a rebuilt object knows what each client has; cheap beside the send. */
export function saveState(socket: WebSocket, state: SocketState): void {
  const { subscription, position, publishes, expires, caller, format } = state;
  const { epoch, seq } = position;
  let attachment: Record<string, unknown> = { epoch, publisher: true };
  if (subscription) {
    const { selection, mode, hz } = subscription;
    attachment = { epoch, seq, selection: compact(selection.patterns), mode };
    // Only what differs from most sockets is written: this is done for each message to each socket.
    if (selection.fields) attachment["fields"] = compact(selection.fields.id);
    if (hz !== undefined) attachment["hz"] = hz;
    if (publishes) attachment["publishes"] = true;
  }
  // Rules ask whom a publish comes from, and nothing else does.
  if (publishes && caller.subject !== undefined) attachment["subject"] = compact(caller.subject);
  if (expires !== undefined) attachment["expires"] = expires;
  if (format !== "json") attachment["format"] = format;
  addCaller(attachment, caller);
  socket.serializeAttachment(attachment);
}

/** Saves that a socket was closed: the platform forgets it after two hibernations, and the client may never answer. */
export function saveClosed(socket: WebSocket, { caller, closed }: ClosedState): void {
  const attachment: Record<string, unknown> = { closed };
  addCaller(attachment, caller);
  socket.serializeAttachment(attachment);
}

/** The selections that were read, by their patterns and fields. */
export type ReadSelections = Map<string, Selection>;

/**
 * Reads a socket's state back; undefined if it has none that this version can read. Many sockets have the same selection,
 * which is parsed once: `read` has the selections of the other sockets.
 */
export function loadState(socket: WebSocket, read: ReadSelections): SocketState | ClosedState | undefined {
  const attachment: unknown = socket.deserializeAttachment();
  if (typeof attachment === "object" && attachment !== null && "closed" in attachment) {
    const closed = v.safeParse(closedSchema, attachment);
    if (closed.success) return { caller: callerOf(closed.output), closed: closed.output.closed };
  }
  if (typeof attachment === "object" && attachment !== null && "publisher" in attachment) {
    const publisher = v.safeParse(publisherSchema, attachment);
    return publisher.success ? publisherState(publisher.output) : undefined;
  }
  const open = v.safeParse(openSchema, attachment);
  if (!open.success) return undefined;
  const { epoch, seq, mode, hz, publishes, expires, packed } = open.output;
  const { format = packed === true ? "msgpack" : "json" } = open.output;
  const patterns = textOf(open.output.selection);
  const fields = open.output.fields && textOf(open.output.fields);
  const id = fields === undefined ? patterns : `${patterns}\t${fields}`;
  let selection = read.get(id);
  if (!selection) read.set(id, (selection = restoreSelection(patterns, fields)));
  return {
    subscription: { selection, mode, hz },
    caller: callerOf(open.output),
    publishes: publishes === true,
    expires,
    format,
    position: { epoch, seq },
  };
}

function publisherState({ epoch, expires, format, ...caller }: v.InferOutput<typeof publisherSchema>): SocketState {
  const position = { epoch, seq: NO_SEQ };
  return { subscription: undefined, caller: callerOf(caller), publishes: true, expires, format, position };
}

function addCaller(attachment: Record<string, unknown>, { clientIp, kind, credential }: CountedCaller): void {
  if (clientIp !== undefined) attachment["address"] = clientIp;
  if (kind !== "anonymous") attachment["kind"] = kind;
  if (credential !== undefined) attachment["holder"] = credential;
}

function callerOf({ address, kind = "anonymous", holder, subject }: v.InferOutput<typeof callerSchema>): CountedCaller {
  return { clientIp: address, kind, credential: holder, subject: subject && textOf(subject) };
}

/**
 * The platform stores a string with one byte a character, or with two if any character is beyond Latin-1: patterns and fields
 * of the largest size would not fit then. What is long of such text is stored as UTF-8.
 */
function compact(text: string): string | Uint8Array {
  if (text.length <= SHORT) return text;
  // oxlint-disable-next-line no-control-regex
  return /^[\u0000-\u00ff]*$/.test(text) ? text : new TextEncoder().encode(text);
}

/** Characters that may take two bytes: the rest of the largest selection in UTF-8, and all else, still fit beside them. */
const SHORT = LIMITS.selectionBytes / 6;

function textOf(stored: string | Uint8Array): string {
  return typeof stored === "string" ? stored : new TextDecoder().decode(stored);
}
