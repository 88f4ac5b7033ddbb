import { encode } from "@msgpack/msgpack";
import type { Parsed } from "./json.ts";
import { OVERSIZED, parseJsonInSteps, parseOutline } from "./long-json.ts";
import { msgpackToJson } from "./msgpack-to-json.ts";

/** The subprotocol whose messages are those of `tickertape.v1` as MessagePack, in binary frames. */
export const MSGPACK_PROTOCOL = "tickertape.v1.msgpack";

const NOT_PACKED = "the bytes are not MessagePack that JSON could say";

/**
 * Reads MessagePack without throwing, into what JSON could say too; what is long in pieces, as `parseJsonInSteps`. The reason
 * names no content.
 */
export function* parseMsgpackInSteps(bytes: Uint8Array): Generator<number, Parsed> {
  let text: string | undefined;
  try {
    text = msgpackToJson(bytes);
  } catch {
    return { ok: false, reason: NOT_PACKED };
  }
  if (text === undefined) return { ok: false, reason: OVERSIZED, oversized: true };
  const parsed = yield* parseJsonInSteps(text);
  return parsed.ok || parsed.oversized ? parsed : { ok: false, reason: NOT_PACKED };
}

/** Reads what of it is in no list. */
export function parseMsgpackOutline(bytes: Uint8Array): Parsed {
  try {
    return parseOutline(msgpackToJson(bytes) ?? "");
  } catch {
    return { ok: false, reason: NOT_PACKED };
  }
}

/** A message of this server, written as JSON, as MessagePack. */
export function pack(message: string): Uint8Array {
  return encode(JSON.parse(message));
}

/** What a member with that name looks like in JSON as this server writes it; a string that says so is escaped. */
const UNREADABLE = '"__proto__":';

const packed = new WeakMap<readonly string[], readonly (string | Uint8Array)[]>();

/**
 * Several messages. The same list is packed once, however many get it. One with a member `__proto__` stays JSON: the
 * common decoders of MessagePack refuse such a map.
 */
export function packAll(messages: readonly string[]): readonly (string | Uint8Array)[] {
  let frames = packed.get(messages);
  if (!frames) {
    frames = messages.map((message) => (message.includes(UNREADABLE) ? message : pack(message)));
    packed.set(messages, frames);
  }
  return frames;
}
