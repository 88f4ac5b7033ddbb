import { encode } from "@msgpack/msgpack";
import type { Parsed } from "./json.ts";
import { OVERSIZED } from "./oversized.ts";
import { textOfPacked } from "./packed-text.ts";

/** The subprotocol whose messages are those of `tickertape.v1` as MessagePack, in binary frames. */
export const PACKED_PROTOCOL = "tickertape.v1.msgpack";

/** Reads MessagePack without throwing, into what JSON could say too. The reason names no content. */
export function parsePacked(bytes: Uint8Array): Parsed {
  try {
    const text = textOfPacked(bytes);
    if (text === undefined) return { ok: false, reason: OVERSIZED, oversized: true };
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, reason: "the bytes are not MessagePack that JSON could say" };
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
