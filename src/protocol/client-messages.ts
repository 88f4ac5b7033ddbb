import * as v from "valibot";
import type { MessageErrorCode } from "./codes.ts";
import { issuePath, issueReason } from "./explain.ts";
import { exceedsBytes, isJsonObject, type JsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { MODES, type Subscription } from "./messages.ts";
import { OVERSIZED } from "./oversized.ts";
import { parsePackedInPieces, parsePackedOutline } from "./packed.ts";
import { parseInPieces, parseOutline } from "./pieces.ts";
import { parseSelection } from "./selection.ts";

/** What a client may say on a socket, checked. `id`, where it gave one, comes back on the answer. */
export type ClientMessage =
  | { type: "subscribe"; id: number | undefined; subscription: Subscription }
  | { type: "publish"; id: number | undefined; updates: unknown[] }
  | { type: "auth"; id: number | undefined; token: string }
  | { type: "ack"; id: number | undefined; seq: number; bytes: number | undefined };

export type DecodedMessage =
  | { ok: true; message: ClientMessage }
  | { ok: false; id: number | undefined; code: MessageErrorCode; reason: string };

const idSchema = v.pipe(v.number("is not a number"), v.finite("is not a number"));
const id = v.exactOptional(idSchema);

export const hzSchema = v.pipe(
  v.number("is not a number"),
  v.minValue(LIMITS.hzMin, `is below ${LIMITS.hzMin}`),
  v.maxValue(LIMITS.hzMax, `is above ${LIMITS.hzMax}`),
);
export const modeSchema = v.picklist(MODES, "is neither latest nor all");

const subscribeSchema = v.strictObject({
  type: v.literal("subscribe"),
  id,
  keys: v.exactOptional(v.array(v.string("is not a string"), "is not an array")),
  hz: v.exactOptional(hzSchema),
  mode: v.exactOptional(modeSchema),
});
const publishSchema = v.strictObject({
  type: v.literal("publish"),
  id,
  updates: v.pipe(
    v.array(v.unknown(), "is not an array"),
    v.maxLength(LIMITS.batchUpdates, `has more than ${LIMITS.batchUpdates} updates`),
  ),
});
const authSchema = v.strictObject({ type: v.literal("auth"), id, token: v.string("is not a string") });
const count = v.pipe(v.number("is not a number"), v.safeInteger("is not a whole number"), v.minValue(0, "is below 0"));
const ackSchema = v.strictObject({ type: v.literal("ack"), id, seq: count, bytes: v.exactOptional(count) });
/** The schemas by type: what the documents of the wire are made from. */
export const CLIENT_MESSAGE_SCHEMAS = {
  subscribe: subscribeSchema,
  publish: publishSchema,
  auth: authSchema,
  ack: ackSchema,
} as const;

/** One is told. */
const FIRST_ISSUE = { abortEarly: true } as const;

/**
 * Checks one frame of a client: JSON as text, MessagePack as bytes. Never throws; the reason names what is wrong. What is
 * long is read in pieces, after each of which it yields how many characters that took.
 */
export function* decodeClientMessage(frame: string | Uint8Array): Generator<number, DecodedMessage> {
  const parsed = yield* typeof frame === "string" ? parseInPieces(frame) : parsePackedInPieces(frame);
  if (!parsed.ok) return parsed.oversized ? oversized() : refuse(undefined, parsed.reason);
  const input = parsed.value;
  if (!isJsonObject(input)) return refuse(undefined, "the message is not a JSON object");
  const sentId = v.is(idSchema, input["id"]) ? input["id"] : undefined;
  if (input["type"] !== "publish" && isLong(frame)) return tooLong(sentId);
  const problem = listProblem(input, "keys", LIMITS.selectionKeys, "entries");
  const reason = problem ?? listProblem(input, "updates", LIMITS.batchUpdates, "updates");
  if (reason !== undefined) return refuse(sentId, reason);
  switch (input["type"]) {
    case "subscribe":
      return decode(subscribeSchema, input, sentId, (message) => {
        const selection = parseSelection(message.keys ?? []);
        if (!selection.ok) return refuse(sentId, selection.reason);
        const subscription = { selection: selection.selection, mode: message.mode ?? "latest", hz: message.hz };
        return { ok: true, message: { type: "subscribe", id: sentId, subscription } };
      });
    case "publish":
      return decode(publishSchema, input, sentId, ({ updates }) => ({
        ok: true,
        message: { type: "publish", id: sentId, updates },
      }));
    case "auth":
      return decode(authSchema, input, sentId, ({ token }) => ({
        ok: true,
        message: { type: "auth", id: sentId, token },
      }));
    case "ack":
      return decode(ackSchema, input, sentId, ({ seq, bytes }) => ({
        ok: true,
        message: { type: "ack", id: sentId, seq, bytes },
      }));
    default:
      return refuse(sentId, "type is none of subscribe, publish, auth, ack");
  }
}

/** The `id` of a message that is not taken, where it can be read. */
export function sentIdOf(frame: string | Uint8Array): number | undefined {
  const parsed = typeof frame === "string" ? parseOutline(frame) : parsePackedOutline(frame);
  const id = parsed.ok && isJsonObject(parsed.value) ? parsed.value["id"] : undefined;
  return v.is(idSchema, id) ? id : undefined;
}

/** Whether a frame is longer than one that publishes nothing may be. */
export function isLong(frame: string | ArrayBuffer | Uint8Array): boolean {
  return typeof frame === "string" ? exceedsBytes(frame, LIMITS.messageBytes) : frame.byteLength > LIMITS.messageBytes;
}

function oversized(): DecodedMessage {
  return { ok: false, id: undefined, code: "too_large", reason: OVERSIZED };
}

/** What is said of such a frame. */
export function tooLong(sentId?: number): DecodedMessage & { ok: false } {
  const reason = `a message that publishes nothing may have ${LIMITS.messageBytes} bytes`;
  return { ok: false, id: sentId, code: "too_large", reason };
}

/** What is wrong with how many items a list has. A schema would look at each of them first. */
function listProblem(input: JsonObject, member: string, most: number, what: string): string | undefined {
  const list = input[member];
  return Array.isArray(list) && list.length > most ? `${member} has more than ${most} ${what}` : undefined;
}

function decode<S extends v.GenericSchema>(
  schema: S,
  input: unknown,
  sentId: number | undefined,
  accept: (output: v.InferOutput<S>) => DecodedMessage,
): DecodedMessage {
  const result = v.safeParse(schema, input, FIRST_ISSUE);
  if (result.success) return accept(result.output);
  const issue = result.issues[0];
  return refuse(sentId, `${issuePath(issue) || "the message"} ${issueReason(issue)}`);
}

function refuse(sentId: number | undefined, reason: string): DecodedMessage {
  return { ok: false, id: sentId, code: "invalid_message", reason };
}
