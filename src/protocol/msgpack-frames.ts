import { encode } from "@msgpack/msgpack";
import type { Parsed } from "./json.ts";
import { OVERSIZED, parseJsonInSteps, parseOutline } from "./long-json.ts";
import { msgpackToJson } from "./msgpack-to-json.ts";

const NOT_MSGPACK = "the bytes are not MessagePack that JSON could say";

/**
 * Reads MessagePack that JSON could also say, without throwing. Reads long bytes in steps, as `parseJsonInSteps` does. The
 * reason names no content.
 */
export function* parseMsgpackInSteps(bytes: Uint8Array): Generator<number, Parsed> {
  let text: string | undefined;
  try {
    text = msgpackToJson(bytes);
  } catch {
    return { ok: false, reason: NOT_MSGPACK };
  }
  if (text === undefined) return { ok: false, reason: OVERSIZED, oversized: true };
  const parsed = yield* parseJsonInSteps(text);
  return parsed.ok || parsed.oversized ? parsed : { ok: false, reason: NOT_MSGPACK };
}

/** Reads what is not inside a list, as `parseOutline` does. */
export function parseMsgpackOutline(bytes: Uint8Array): Parsed {
  try {
    return parseOutline(msgpackToJson(bytes) ?? "");
  } catch {
    return { ok: false, reason: NOT_MSGPACK };
  }
}

/** Encodes a message of this server, given as JSON, as MessagePack. */
export function pack(message: string): Uint8Array {
  return encode(JSON.parse(message));
}

/** How a member with this name is written in JSON. In a string its quotes would be escaped. */
const UNREADABLE = '"__proto__":';

/** Encodes a message. With a member `__proto__` it stays JSON: common decoders of MessagePack refuse the map. */
export function packMessage(message: string): string | Uint8Array {
  return message.includes(UNREADABLE) ? message : pack(message);
}
