import { LIMITS } from "./limits.ts";

/** Levels of nesting that are read: a batch has a few more than its values. */
const DEPTH = LIMITS.valueDepth + 8;
/** The most characters of JSON: those of a batch, and of all that a message may have beside it. */
const LONGEST = LIMITS.encodedBatchBytes + LIMITS.messageBytes;
/** The most characters of JSON that one byte of MessagePack can become: `false` and its comma, or an escaped character. */
const GROWTH = 6;

const [COMMA, COLON, QUOTE, BACKSLASH] = [0x2c, 0x3a, 0x22, 0x5c];
const [LIST, LIST_END, OBJECT, OBJECT_END] = [0x5b, 0x5d, 0x7b, 0x7d];
/** The characters that JSON escapes by one letter. */
const LETTERS = new Map(
  ['""', "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"].map((pair) => [pair.charCodeAt(0), pair.charCodeAt(1)]),
);

/** Some decoders would set the prototype, so this name is refused. */
const REFUSED_NAME = "__proto__";

/** Characters that are made into a string by one call, which takes a limited number. */
const CALL_LENGTH = 8 * 1024;

/** Thrown if something is longer than it may be. */
class Oversized extends Error {}

/**
 * Converts MessagePack to JSON that says the same. The platform's `JSON.parse` then makes the values in a fraction of the
 * time that building them here would take. Returns undefined, and stops reading, if the JSON would be longer than any batch,
 * or if an object or array is longer than in any value. Throws if the bytes are not MessagePack, or say what JSON cannot.
 */
export function msgpackToJson(bytes: Uint8Array): string | undefined {
  try {
    return new Writer(bytes).write();
  } catch (error) {
    if (error instanceof Oversized) return undefined;
    throw error;
  }
}

class Writer {
  readonly #bytes: Uint8Array;
  /** Throws on reading past the end. */
  readonly #view: DataView;
  /** UTF-16 code units. */
  readonly #out: Uint16Array;
  #at = 0;
  #end = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#out = new Uint16Array(Math.min(GROWTH * bytes.byteLength, LONGEST) + GROWTH);
  }

  write(): string {
    this.#value(DEPTH);
    if (this.#at < this.#bytes.byteLength) throw new RangeError("more than one value");
    let text = "";
    for (let at = 0; at < this.#end; at += CALL_LENGTH) {
      text += Reflect.apply(
        String.fromCharCode,
        undefined,
        this.#out.subarray(at, Math.min(at + CALL_LENGTH, this.#end)),
      );
    }
    return text;
  }

  #value(depth: number): void {
    const type = this.#view.getUint8(this.#at++);
    if (type < 0x80) this.#number(type);
    else if (type < 0x90) this.#map(type & 15, depth);
    else if (type < 0xa0) this.#array(type & 15, depth);
    else if (type < 0xc0) this.#string(type & 31);
    else if (type >= 0xe0) this.#number(type - 0x100);
    else this.#longer(type, depth);
  }

  #longer(type: number, depth: number): void {
    const view = this.#view;
    if (type === 0xc0) this.#word("null");
    else if (type === 0xc2) this.#word("false");
    else if (type === 0xc3) this.#word("true");
    else if (type === 0xca) this.#number(view.getFloat32(this.#take(4)));
    else if (type === 0xcb) this.#number(view.getFloat64(this.#take(8)));
    else if (type >= 0xcc && type <= 0xcf) this.#number(this.#count(2 ** (type - 0xcc)));
    else if (type === 0xd0) this.#number(view.getInt8(this.#take(1)));
    else if (type === 0xd1) this.#number(view.getInt16(this.#take(2)));
    else if (type === 0xd2) this.#number(view.getInt32(this.#take(4)));
    else if (type === 0xd3) this.#number(Number(view.getBigInt64(this.#take(8))));
    else if (type === 0xdc || type === 0xdd) this.#array(this.#count(type === 0xdc ? 2 : 4), depth);
    else if (type === 0xde || type === 0xdf) this.#map(this.#count(type === 0xde ? 2 : 4), depth);
    else this.#string(this.#lengthOfString(type));
  }

  /** Reads how many bytes a string has, by its first byte. Throws if it is not a string. */
  #lengthOfString(type: number): number {
    if (type >= 0xa0 && type < 0xc0) return type & 31;
    if (type >= 0xd9 && type <= 0xdb) return this.#count(2 ** (type - 0xd9));
    throw new TypeError("JSON has no word for it");
  }

  /** Reads an unsigned integer of so many bytes. */
  #count(size: number): number {
    const at = this.#take(size);
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    return size === 4 ? this.#view.getUint32(at) : Number(this.#view.getBigUint64(at));
  }

  /** Returns where the next bytes are, and goes past them. */
  #take(size: number): number {
    this.#at += size;
    return this.#at - size;
  }

  #array(length: number, depth: number): void {
    this.#open(LIST, depth, length, length > LIMITS.arrayItems);
    for (let i = 0; i < length; i++) {
      if (i > 0) this.#put(COMMA);
      this.#value(depth - 1);
    }
    this.#put(LIST_END);
  }

  #map(length: number, depth: number): void {
    this.#open(OBJECT, depth, 2 * length, length > LIMITS.objectMembers);
    for (let i = 0; i < length; i++) {
      if (i > 0) this.#put(COMMA);
      const type = this.#view.getUint8(this.#at++);
      const size = this.#lengthOfString(type);
      if (size === REFUSED_NAME.length && this.#isRefused()) throw new TypeError("a name that is not taken");
      this.#string(size);
      this.#put(COLON);
      this.#value(depth - 1);
    }
    this.#put(OBJECT_END);
  }

  /** Begins an array or map that claims to have so many parts. Each takes at least one byte. */
  #open(bracket: number, depth: number, parts: number, isOversized: boolean): void {
    if (depth === 0 || parts > this.#bytes.byteLength - this.#at) throw new RangeError("more than there can be");
    if (isOversized || this.#end > LONGEST) throw new Oversized();
    this.#put(bracket);
  }

  /** Whether the next name is one that is refused. */
  #isRefused(): boolean {
    for (let i = 0; i < REFUSED_NAME.length; i++) {
      if (this.#bytes[this.#at + i] !== REFUSED_NAME.charCodeAt(i)) return false;
    }
    return true;
  }

  #string(length: number): void {
    const bytes = this.#bytes;
    const end = this.#at + length;
    if (end > bytes.byteLength) throw new RangeError("a string that does not end");
    this.#put(QUOTE);
    while (this.#at < end) {
      const byte = bytes[this.#at++] ?? 0;
      if (byte > 0x7f) this.#wide(byte);
      else if (byte < 0x20 || byte === QUOTE || byte === BACKSLASH) this.#escape(byte);
      else this.#put(byte);
    }
    if (this.#at > end) throw new RangeError("a character that does not end");
    this.#put(QUOTE);
  }

  /** A character of several bytes. A lone surrogate is not valid. */
  #wide(lead: number): void {
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    let code = lead & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const byte = this.#view.getUint8(this.#at++);
      if ((byte & 0xc0) !== 0x80) throw new TypeError("no UTF-8");
      code = (code << 6) | (byte & 0x3f);
    }
    const least = [0x80, 0x800, 0x10000][more - 1] ?? 0;
    if (lead < 0xc2 || lead > 0xf4 || code < least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      throw new TypeError("no UTF-8");
    if (code < 0x10000) this.#put(code);
    else {
      this.#put(0xd7c0 + (code >> 10));
      this.#put(0xdc00 + (code & 0x3ff));
    }
  }

  #escape(byte: number): void {
    const letter = LETTERS.get(byte);
    if (letter === undefined) this.#word(`\\u00${byte.toString(16).padStart(2, "0")}`);
    else {
      this.#put(BACKSLASH);
      this.#put(letter);
    }
  }

  #number(value: number): void {
    if (value >= 0 && value < 10 && Number.isInteger(value)) this.#put(0x30 + value);
    else if (Number.isFinite(value)) this.#word(String(value));
    // NaN and the infinities: read back as a number that is too large for a double, and refused as such.
    else this.#word(value < 0 ? "-1e999" : "1e999");
  }

  /** Writes a few ASCII characters. */
  #word(text: string): void {
    for (let i = 0; i < text.length; i++) this.#put(text.charCodeAt(i));
  }

  #put(unit: number): void {
    if (this.#end > LONGEST) throw new Oversized();
    this.#out[this.#end++] = unit;
  }
}
