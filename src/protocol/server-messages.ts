import * as v from "valibot";
import { PROBLEMS, SNAPSHOT_REASONS, type MessageErrorCode, type SnapshotReason, type UpdateIssue } from "./codes.ts";
import { LIMITS } from "./limits.ts";
import { PROTOCOL } from "./names.ts";
import { formatPosition, type Position, type TimedPosition } from "./position.ts";
import {
  changedSchema,
  countSchema,
  documented,
  entriesSchema,
  epochSchema,
  feedNameSchema,
  idSchema,
  namesOf,
  seqSchema,
  timeSchema,
} from "./schemas.ts";
import { updateIssueSchema, updateSchema } from "./update.ts";

/*
 * What the server says on a socket or in a stream: for each message its schema, its type and its encoder. The schemas
 * allow members that they do not name: the server may add some, and clients ignore what they do not know. The server does
 * not check its own messages by them; a test does, for every encoder.
 */

const answeredId = v.optional(v.pipe(idSchema, v.description("The `id` of the message that this answers.")));

/** Where the feed of the examples is. */
const at = { epoch: "k3v7x2qm4a", seq: 1042, time: 1732096000123 };

const helloSchema = documented(
  v.object({
    type: v.literal("hello"),
    protocol: v.literal(PROTOCOL),
    feed: feedNameSchema,
    epoch: epochSchema,
    seq: seqSchema,
    time: changedSchema,
    silentAfter: v.optional(
      v.pipe(v.number(), v.description("Seconds without an update after which this feed counts as silent.")),
    ),
  }),
  "Comes first, and tells where the feed is. It does not move the client's position.",
  { type: "hello", protocol: PROTOCOL, feed: "stocks", ...at },
);
export type HelloMessage = v.InferOutput<typeof helloSchema>;

export function encodeHello(feed: string, { epoch, seq, time }: TimedPosition, silentAfter?: number): string {
  const hello: HelloMessage = { type: "hello", protocol: PROTOCOL, feed, epoch, seq, time, silentAfter };
  return JSON.stringify(hello);
}

export const snapshotMessageSchema = documented(
  v.object({
    type: v.literal("snapshot"),
    id: answeredId,
    epoch: epochSchema,
    seq: seqSchema,
    time: changedSchema,
    reason: v.pipe(
      v.picklist(namesOf(SNAPSHOT_REASONS)),
      v.description(
        Object.entries(SNAPSHOT_REASONS)
          .map(([reason, why]) => `\`${reason}\`: ${why}.`)
          .join(" "),
      ),
    ),
    entries: entriesSchema,
    more: v.optional(v.literal(true)),
  }),
  "The selected entries. A long snapshot comes in parts. All parts but the last have `more`; apply them as a whole.",
  { type: "snapshot", ...at, reason: "initial", entries: { AAPL: { price: 191.2 } } },
);
export type SnapshotMessage = v.InferOutput<typeof snapshotMessageSchema>;

/**
 * One part of a snapshot. `entries` is the inside of a JSON object: members that are written already. Text is joined here
 * and in `encodeUpdateMessage`, and nothing is stringified again: most of the server's work is to encode these two.
 */
export function encodeSnapshotPart(
  { epoch, seq, time }: TimedPosition,
  reason: SnapshotReason,
  entries: string,
  more: boolean,
  id: number | undefined,
): string {
  const idText = id === undefined ? "" : `,"id":${id}`;
  return `{"type":"snapshot"${idText},"epoch":"${epoch}","seq":${seq},"time":${time},"reason":"${reason}","entries":{${entries}}${more ? `,"more":true` : ""}}`;
}

export const updateMessageSchema = documented(
  v.object({
    type: v.literal("update"),
    from: seqSchema,
    seq: seqSchema,
    time: timeSchema,
    skipped: v.optional(v.pipe(countSchema, v.description("How many updates were merged into others."))),
    updates: v.array(updateSchema),
  }),
  "What has changed since `from`, the `seq` that the client has. If the client has another, it missed something.",
  {
    type: "update",
    from: 1042,
    seq: 1045,
    time: 1732096000123,
    skipped: 1,
    updates: [
      { key: "AAPL", patch: { price: 191.3 } },
      { key: "OLD", delete: true },
    ],
  },
);
export type UpdateMessage = v.InferOutput<typeof updateMessageSchema>;

/** `updates` are written already: one encoding serves all who get them. */
export function encodeUpdateMessage(message: {
  from: number;
  seq: number;
  time: number;
  updates: readonly string[];
  skipped: number;
}): string {
  const skipped = message.skipped > 0 ? `,"skipped":${message.skipped}` : "";
  return `{"type":"update","from":${message.from},"seq":${message.seq},"time":${message.time}${skipped},"updates":[${message.updates.join(",")}]}`;
}

/** What a receipt says, on a socket and over HTTP. */
export const receiptMembers = {
  epoch: epochSchema,
  seq: v.pipe(seqSchema, v.description("The feed's seq after the batch.")),
  accepted: v.pipe(countSchema, v.description("How many updates of the batch were applied.")),
  stale: v.pipe(countSchema, v.description("How many were not applied: their `version` was not above the key's.")),
};

const receiptMessageSchema = documented(
  v.object({
    type: v.literal("receipt"),
    id: answeredId,
    ...receiptMembers,
    replayed: v.optional(
      v.pipe(v.literal(true), v.description("This is the receipt of the first publish with this idempotency key.")),
    ),
  }),
  "The batch is durable.",
  { type: "receipt", id: 7, epoch: "k3v7x2qm4a", seq: 1046, accepted: 1, stale: 0 },
);
type ReceiptMessage = v.InferOutput<typeof receiptMessageSchema>;
export type Receipt = Omit<ReceiptMessage, "type" | "id" | "replayed">;

export function encodeReceiptMessage(
  id: number | undefined,
  { epoch, seq, accepted, stale }: Receipt,
  replayed = false,
): string {
  const message: ReceiptMessage = { type: "receipt", id, epoch, seq, accepted, stale };
  if (replayed) message.replayed = true;
  return JSON.stringify(message);
}

const authorizedSchema = documented(
  v.object({
    type: v.literal("authorized"),
    id: answeredId,
    expires: v.optional(v.pipe(timeSchema, v.description("When the credential expires, in ms since 1970."))),
  }),
  "The credential is accepted. There is no `expires` if it does not expire.",
  { type: "authorized", id: 2, expires: 1732099600000 },
);
export type AuthorizedMessage = v.InferOutput<typeof authorizedSchema>;

export function encodeAuthorized(id: number | undefined, expires: number | undefined): string {
  return JSON.stringify({ type: "authorized", id, expires } satisfies AuthorizedMessage);
}

const errorSchema = documented(
  v.object({
    type: v.literal("error"),
    id: answeredId,
    code: v.picklist([...namesOf(PROBLEMS), "invalid_message"]),
    message: v.string(),
    issues: v.optional(v.pipe(v.array(updateIssueSchema), v.maxLength(LIMITS.reportedIssues))),
    retryAfter: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.description("After how many seconds to send it again.")),
    ),
  }),
  "A message was refused and changed nothing. `outcome_unknown`: it may have been carried out. In a stream: the credential has expired, or the feed was removed.",
  { type: "error", id: 3, code: "invalid_message", message: "keys[1] is not a string" },
);
export type ErrorMessage = v.InferOutput<typeof errorSchema>;

/** What an `error` may say besides. `retryAfter`: seconds. */
export interface ErrorDetails {
  readonly issues?: readonly UpdateIssue[] | undefined;
  readonly retryAfter?: number | undefined;
}

export function encodeError(
  id: number | undefined,
  code: MessageErrorCode,
  message: string,
  { issues, retryAfter }: ErrorDetails = {},
): string {
  return JSON.stringify({
    type: "error",
    id,
    code,
    message,
    issues: issues?.slice(),
    retryAfter,
  } satisfies ErrorMessage);
}

/** The messages by type. */
export const SERVER_MESSAGES = {
  hello: helloSchema,
  snapshot: snapshotMessageSchema,
  update: updateMessageSchema,
  receipt: receiptMessageSchema,
  authorized: authorizedSchema,
  error: errorSchema,
} as const;
export type ServerMessage = v.InferOutput<(typeof SERVER_MESSAGES)[keyof typeof SERVER_MESSAGES]>;

/** A server-sent event. A client resumes from the last `id`: the `position`, or if there is none the one before. */
export function encodeEvent(type: string, message: string, position?: Position): string {
  const id = position ? `id: ${formatPosition(position)}\n` : "";
  return `event: ${type}\n${id}data: ${message}\n\n`;
}
