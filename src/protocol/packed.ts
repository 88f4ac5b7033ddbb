import { decode, encode } from "@msgpack/msgpack";
import type { Parsed } from "./json.ts";
import { LIMITS } from "./limits.ts";
import { ITEMS, MEMBERS, OVERSIZED } from "./oversized.ts";

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
    const claim = claimOf(bytes);
    if (claim === "oversized") return { ok: false, reason: OVERSIZED, oversized: true };
    if (claim === "unreadable") return { ok: false, reason: "the bytes are not MessagePack that JSON could say" };
    // A binary of length 0 passes here; it is found below.
    const value = decode(bytes, {
      extensionCodec: NO_EXTENSIONS,
      // It looks for each name among those of before, one by one: most names cost less to read.
      keyDecoder: null,
      maxBinLength: 0,
      maxExtLength: 0,
      mapKeyConverter: memberName,
    });
    return isPlain(value, DEPTH) ? { ok: true, value } : { ok: false, reason: "the MessagePack says what JSON cannot" };
  } catch {
    return { ok: false, reason: "the bytes are not MessagePack that JSON could say" };
  }
}

/** The decoder would take numbers too, as the strings that they are not. */
function memberName(key: unknown): string {
  if (typeof key === "string") return key;
  throw new TypeError("a member's name is a string");
}

/** Bytes that come after a type's first one; -1 where JSON has no word for the type. From 0xc0 to 0xdb. */
const TAILS = [0, -1, 0, 0, -1, -1, -1, -1, -1, -1, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8, -1, -1, -1, -1, -1];

/**
 * Whether the bytes are as many as they say, have no more in one place than anything may have, and nest no deeper than is
 * looked at. The decoder makes room for an array
 * as soon as it reads of its length: five bytes ask for a hundred megabytes. Throws where they end too soon.
 */
function claimOf(bytes: Uint8Array): "fits" | "unreadable" | "oversized" {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** What is still to come in each of the arrays and maps that are open, and in all of them together. */
  const open: number[] = [];
  let owed = 1;
  for (let at = 0; owed > 0;) {
    while (open.at(-1) === 0) open.pop();
    if (open.length > 0) open.push((open.pop() ?? 0) - 1);
    owed--;
    const type = view.getUint8(at++);
    let inside = 0;
    if (type >= 0x80 && type <= 0x8f) inside = 2 * (type & 15);
    else if (type >= 0x90 && type <= 0x9f) inside = type & 15;
    else if (type >= 0xa0 && type <= 0xbf) at += type & 31;
    else if (type === 0xdc || type === 0xde) inside = view.getUint16(at) * (type === 0xde ? 2 : 1);
    else if (type === 0xdd || type === 0xdf) inside = view.getUint32(at) * (type === 0xdf ? 2 : 1);
    else if (type === 0xd9) at += 1 + view.getUint8(at);
    else if (type === 0xda) at += 2 + view.getUint16(at);
    else if (type === 0xdb) at += 4 + view.getUint32(at);
    else if (type >= 0xc0 && type < 0xdc) {
      const tail = TAILS[type - 0xc0] ?? -1;
      if (tail < 0) return "unreadable";
      at += tail;
    }
    if (type === 0xdc || type === 0xde) at += 2;
    if (type === 0xdd || type === 0xdf) at += 4;
    const isMap = (type & 0xf0) === 0x80 || type === 0xde || type === 0xdf;
    owed += inside;
    if (inside > 0) open.push(inside);
    // Whatever is owed takes a byte at least.
    if (owed > view.byteLength - at || open.length > DEPTH) return "unreadable";
    if (inside > (isMap ? 2 * MEMBERS : ITEMS)) return "oversized";
  }
  return "fits";
}

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return typeof value !== "bigint";
  if (depth === 0 || ArrayBuffer.isView(value) || value instanceof Date) return false;
  if (!Array.isArray(value)) return Object.values(value).every((inner) => isPlain(inner, depth - 1));
  return value.every((inner) => isPlain(inner, depth - 1));
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
