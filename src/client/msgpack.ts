import { setMember, type Json, type JsonObject } from "../protocol/json.ts";
import { PROTOCOL } from "../protocol/names.ts";
import type { MessageFormat } from "./types.ts";

/** For the option `format`: the same messages as MessagePack, in fewer bytes. */
export const msgpack: MessageFormat = { protocol: `${PROTOCOL}.msgpack`, decode };

/** A string may begin with what would be a byte order mark elsewhere. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Strings of up to so many bytes are read byte by byte: calling the platform's decoder takes longer. */
const SHORT = 24;

/** Reads one value that JSON has too. Throws if the frame has anything else, or more or less than one value. */
function decode(frame: Uint8Array): Json {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  /** The next byte. `view` throws past the end. */
  let at = 0;

  /** Moves past the next bytes, and returns where they begin. */
  const take = (size: number): number => (at += size) - size;

  // Allocates nothing for a length that the frame only claims: every item has to be there.
  function array(length: number): Json[] {
    const items: Json[] = [];
    for (; length > 0; length--) items.push(value());
    return items;
  }

  function map(length: number): JsonObject {
    const object: JsonObject = {};
    for (; length > 0; length--) {
      const name = value();
      if (typeof name !== "string") throw new TypeError("a name that is no string");
      setMember(object, name, value());
    }
    return object;
  }

  function string(length: number): string {
    const end = at + length;
    if (end > frame.length) throw new RangeError("a string that does not end");
    const start = take(length);
    let text = "";
    if (length <= SHORT) {
      for (let i = start; i < end; i++) {
        const unit = view.getUint8(i);
        if (unit > 0x7f) break;
        text += String.fromCharCode(unit);
      }
    }
    return text.length === length ? text : UTF8.decode(frame.subarray(start, end));
  }

  const uint8 = (): number => view.getUint8(take(1));
  const uint16 = (): number => view.getUint16(take(2));
  const uint32 = (): number => view.getUint32(take(4));

  function value(): Json {
    const type = uint8();
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 15);
    if (type < 0xa0) return array(type & 15);
    if (type < 0xc0) return string(type & 31);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return view.getFloat32(take(4));
      case 0xcb:
        return view.getFloat64(take(8));
      case 0xcc:
        return uint8();
      case 0xcd:
        return uint16();
      case 0xce:
        return uint32();
      case 0xcf:
        return Number(view.getBigUint64(take(8)));
      case 0xd0:
        return view.getInt8(take(1));
      case 0xd1:
        return view.getInt16(take(2));
      case 0xd2:
        return view.getInt32(take(4));
      case 0xd3:
        return Number(view.getBigInt64(take(8)));
      case 0xd9:
        return string(uint8());
      case 0xda:
        return string(uint16());
      case 0xdb:
        return string(uint32());
      case 0xdc:
        return array(uint16());
      case 0xdd:
        return array(uint32());
      case 0xde:
        return map(uint16());
      case 0xdf:
        return map(uint32());
      default:
        throw new TypeError("a type that JSON has not");
    }
  }

  const message = value();
  if (at < frame.length) throw new RangeError("more than one message in a frame");
  return message;
}
