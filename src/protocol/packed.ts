import { decode, encode } from "@msgpack/msgpack";
import type { Parsed } from "./json.ts";
import { LIMITS } from "./limits.ts";

/** The subprotocol whose messages are those of `tickertape.v1` as MessagePack, in binary frames. */
export const PACKED_PROTOCOL = "tickertape.v1.msgpack";

/** Levels that are looked at: a batch has some more than the values in it. */
const DEPTH = LIMITS.valueDepth + 8;

/** MessagePack can say more than JSON: what JSON has no word for is refused. */
const NO_EXTENSIONS = {
  tryToEncode: (): null => null,
  decode(): never {
    throw new TypeError("extension types are not part of the wire");
  },
};

/** Reads MessagePack without throwing, into what JSON could say too. The reason names no content. */
export function parsePacked(bytes: Uint8Array): Parsed {
  try {
    // A binary of length 0 passes here; it is found below.
    const value = decode(bytes, { extensionCodec: NO_EXTENSIONS, maxBinLength: 0, maxExtLength: 0 });
    return isPlain(value, DEPTH) ? { ok: true, value } : { ok: false, reason: "the MessagePack says what JSON cannot" };
  } catch {
    return { ok: false, reason: "the bytes are not MessagePack that JSON could say" };
  }
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "bigint";
  if (depth === 0 || ArrayBuffer.isView(value) || value instanceof Date) return false;
  return Object.values(value).every((inner) => isPlain(inner, depth - 1));
}

/** A message of this server, written as JSON, as MessagePack. */
export function pack(message: string): Uint8Array {
  return encode(JSON.parse(message));
}

const packed = new WeakMap<readonly string[], readonly Uint8Array[]>();

/** Several messages. The same list is packed once, however many get it. */
export function packAll(messages: readonly string[]): readonly Uint8Array[] {
  let frames = packed.get(messages);
  if (!frames) {
    frames = messages.map(pack);
    packed.set(messages, frames);
  }
  return frames;
}
