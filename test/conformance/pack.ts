/** What JSON can say, as MessagePack. */
export function pack(value: unknown): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  write(value, bytes);
  return Uint8Array.from(bytes);
}

function write(value: unknown, to: number[]): void {
  if (value === null) to.push(0xc0);
  else if (typeof value === "boolean") to.push(value ? 0xc3 : 0xc2);
  else if (typeof value === "number") writeNumber(value, to);
  else if (typeof value === "string") {
    const text = new TextEncoder().encode(value);
    writeLength(text.length, [0xa0, 32], [0xd9, 0xda, 0xdb], to);
    for (const byte of text) to.push(byte);
  } else if (Array.isArray(value)) {
    writeLength(value.length, [0x90, 16], [undefined, 0xdc, 0xdd], to);
    for (const item of value) write(item, to);
  } else if (typeof value === "object") {
    const members = Object.entries(value);
    writeLength(members.length, [0x80, 16], [undefined, 0xde, 0xdf], to);
    for (const [name, inner] of members) {
      write(name, to);
      write(inner, to);
    }
  } else throw new TypeError(`JSON has no ${typeof value}`);
}

/** Whole numbers of 32 bits as such, all others as doubles. */
function writeNumber(value: number, to: number[]): void {
  if (Object.is(value, value | 0)) {
    if (value >= -32 && value < 128) to.push(value & 0xff);
    else to.push(0xd2, ...bigEndian(4, (view) => view.setInt32(0, value)));
  } else to.push(0xcb, ...bigEndian(8, (view) => view.setFloat64(0, value)));
}

type Types = [byte: number | undefined, two: number, four: number];

/** A type and a length: in one byte where it is short enough, else after a type for one, two or four bytes. */
function writeLength(length: number, [type, most]: [type: number, most: number], types: Types, to: number[]): void {
  const [byte, two, four] = types;
  if (length < most) to.push(type | length);
  else if (length < 256 && byte !== undefined) to.push(byte, length);
  else if (length < 65_536) to.push(two, ...bigEndian(2, (view) => view.setUint16(0, length)));
  else to.push(four, ...bigEndian(4, (view) => view.setUint32(0, length)));
}

function bigEndian(length: number, set: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  set(new DataView(bytes.buffer));
  return bytes;
}
