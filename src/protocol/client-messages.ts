import * as v from "valibot";
import type { MessageErrorCode } from "./codes.ts";
import { exceedsBytes, isJsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { parseJsonInSteps, parseOutline } from "./long-json.ts";
import { parseMsgpackInSteps, parseMsgpackOutline } from "./msgpack-frames.ts";
import {
  countSchema,
  documented,
  fieldSchema,
  hzSchema,
  idempotencyKeySchema,
  idSchema,
  issuePath,
  issueReason,
  modeSchema,
  patternSchema,
  schemaRef,
} from "./schemas.ts";
import { parseSelection, type Subscription } from "./selection.ts";

/*
 * What a client may say on a socket: for each message its schema, which the server checks it by. Unknown members are
 * refused. Checks that have to be fast are functions (`parseSelection`, `decodeUpdatesInSteps`): the schemas only describe
 * them, for the documents.
 */

const id = v.exactOptional(v.pipe(idSchema, v.description("Any number. The answer has the same.")));

const subscribeSchema = documented(
  v.strictObject({
    type: v.literal("subscribe"),
    id,
    keys: v.exactOptional(
      v.pipe(v.array(patternSchema, "is not an array"), v.metadata({ maxItems: LIMITS.selectionKeys })),
    ),
    fields: v.exactOptional(
      v.pipe(v.array(fieldSchema, "is not an array"), v.metadata({ maxItems: LIMITS.selectionFields })),
    ),
    hz: v.exactOptional(hzSchema),
    mode: v.exactOptional(modeSchema),
  }),
  "Replaces the selection, `hz` and `mode`. The answer has the entries that are selected now and were not before; " +
    "if other fields are selected, all that are selected now.",
  { type: "subscribe", id: 1, keys: ["AAPL", "tech.*"], fields: ["last", "bid"], hz: 4, mode: "latest" },
);
type SubscribeMessage = v.InferOutput<typeof subscribeSchema>;

const publishSchema = documented(
  v.strictObject({
    type: v.literal("publish"),
    id,
    updates: v.pipe(
      v.array(v.unknown(), "is not an array"),
      v.maxLength(LIMITS.batchUpdates, `has more than ${LIMITS.batchUpdates} updates`),
      v.metadata({ items: schemaRef("Update"), minItems: 1 }),
    ),
    idempotencyKey: v.exactOptional(idempotencyKeySchema),
  }),
  "Publishes a batch, if the socket's credential allows it.",
  { type: "publish", id: 7, updates: [{ key: "AAPL", patch: { price: 191.4 } }] },
);

const authSchema = documented(
  v.strictObject({ type: v.literal("auth"), id, token: v.string("is not a string") }),
  "Replaces the socket's credential: what the socket may do, and for how long. An unknown token closes the socket with 4401.",
  { type: "auth", id: 2, token: "eyJhbGciOi" },
);

const ackSchema = documented(
  v.strictObject({ type: v.literal("ack"), id, seq: countSchema, bytes: v.exactOptional(countSchema) }),
  "Tells the server how far the client is. A client sends it at least once a second, or never. `bytes` is how much of " +
    "`snapshot` and `update` messages the client has read on this socket, in characters of text frames or bytes of binary " +
    "ones. There is no answer.",
  { type: "ack", seq: 1045 },
);

/** The messages by type. */
export const CLIENT_MESSAGES = {
  subscribe: subscribeSchema,
  publish: publishSchema,
  auth: authSchema,
  ack: ackSchema,
} as const;

type SentMessage = v.InferOutput<(typeof CLIENT_MESSAGES)[keyof typeof CLIENT_MESSAGES]>;

/** A client's message once it is checked. */
export type ClientMessage =
  | Exclude<SentMessage, SubscribeMessage>
  | { type: "subscribe"; id?: number; subscription: Subscription };

export type DecodedMessage = { ok: true; message: ClientMessage } | RefusedMessage;
type RefusedMessage = { ok: false; id: number | undefined; code: MessageErrorCode; reason: string };

const SCHEMAS = new Map<unknown, v.GenericSchema<unknown, SentMessage>>(Object.entries(CLIENT_MESSAGES));

/**
 * Checks one frame of a client: JSON as text, MessagePack as bytes. Never throws; the reason names what is wrong. Reads a
 * long frame in steps, and yields after each of them how many characters of work it was.
 */
export function* decodeClientMessage(frame: string | Uint8Array): Generator<number, DecodedMessage> {
  const parsed = yield* typeof frame === "string" ? parseJsonInSteps(frame) : parseMsgpackInSteps(frame);
  if (!parsed.ok) return refuse(undefined, parsed.reason, parsed.oversized ? "too_large" : "invalid_message");
  const input = parsed.value;
  if (!isJsonObject(input)) return refuse(undefined, "the message is not a JSON object");
  const id = v.is(idSchema, input["id"]) ? input["id"] : undefined;
  if (input["type"] !== "publish" && isLong(frame)) return tooLong(id);
  // A schema would look at every item of a list before it counts them.
  for (const [list, most, what] of LISTS) {
    const items = input[list];
    if (Array.isArray(items) && items.length > most) return refuse(id, `${list} has more than ${most} ${what}`);
  }
  const schema = SCHEMAS.get(input["type"]);
  if (!schema) return refuse(id, `type is none of ${Object.keys(CLIENT_MESSAGES).join(", ")}`);
  const result = v.safeParse(schema, input, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    return refuse(id, `${issuePath(issue) || "the message"} ${issueReason(issue)}`);
  }
  const message = result.output;
  return message.type === "subscribe" ? readSubscription(message) : { ok: true, message };
}

const LISTS = [
  ["keys", LIMITS.selectionKeys, "entries"],
  ["fields", LIMITS.selectionFields, "entries"],
  ["updates", LIMITS.batchUpdates, "updates"],
] as const;

function readSubscription({ keys, fields, mode = "latest", hz, ...message }: SubscribeMessage): DecodedMessage {
  const parsed = parseSelection(keys ?? [], fields);
  if (!parsed.ok) return refuse(message.id, parsed.reason);
  return { ok: true, message: { ...message, subscription: { selection: parsed.selection, mode, hz } } };
}

/** The `id` of a message that is refused, if it can be read. */
export function sentIdOf(frame: string | Uint8Array): number | undefined {
  const parsed = typeof frame === "string" ? parseOutline(frame) : parseMsgpackOutline(frame);
  const id = parsed.ok && isJsonObject(parsed.value) ? parsed.value["id"] : undefined;
  return v.is(idSchema, id) ? id : undefined;
}

/** Whether a frame is longer than a message that publishes nothing may be. */
export function isLong(frame: string | ArrayBuffer | Uint8Array): boolean {
  return typeof frame === "string" ? exceedsBytes(frame, LIMITS.messageBytes) : frame.byteLength > LIMITS.messageBytes;
}

export function tooLong(id?: number): RefusedMessage {
  return refuse(id, `a message that publishes nothing may have ${LIMITS.messageBytes} bytes`, "too_large");
}

function refuse(id: number | undefined, reason: string, code: MessageErrorCode = "invalid_message"): RefusedMessage {
  return { ok: false, id, code, reason };
}
