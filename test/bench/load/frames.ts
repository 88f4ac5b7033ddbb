import { randomBytes } from "node:crypto";

/** Gets a frame's payload as a part of `buffer`, which is reused after the call. */
export type OnFrame = (opcode: number, buffer: Buffer, start: number, end: number) => void;

export const OPCODE = { text: 1, close: 8, ping: 9, pong: 10 } as const;

/** Finds the frames in what a server sends. It knows only what a server may send without extensions. */
export class FrameReader {
  /** The beginning of a frame that is not complete yet, in pieces. */
  #pieces: Buffer[] = [];
  #gathered = 0;
  #wanted = 0;

  /** Does not keep `chunk`. */
  push(chunk: Buffer, onFrame: OnFrame): void {
    let buffer = chunk;
    if (this.#gathered > 0) {
      this.#pieces.push(Buffer.from(chunk));
      this.#gathered += chunk.length;
      if (this.#gathered < this.#wanted) return;
      buffer = Buffer.concat(this.#pieces, this.#gathered);
      this.#pieces = [];
      this.#gathered = 0;
    }
    const rest = this.#frames(buffer, onFrame);
    if (rest === buffer.length) return;
    this.#pieces.push(Buffer.from(buffer.subarray(rest)));
    this.#gathered = buffer.length - rest;
  }

  /** Returns where the first incomplete frame begins. */
  #frames(buffer: Buffer, onFrame: OnFrame): number {
    let offset = 0;
    while (buffer.length - offset >= 2) {
      let length = (buffer[offset + 1] ?? 0) & 0x7f;
      let start = offset + 2;
      if (length === 126) {
        if (buffer.length < start + 2) break;
        length = buffer.readUInt16BE(start);
        start += 2;
      } else if (length === 127) {
        if (buffer.length < start + 8) break;
        length = Number(buffer.readBigUInt64BE(start));
        start += 8;
      }
      this.#wanted = start + length - offset;
      if (buffer.length < start + length) return offset;
      onFrame((buffer[offset] ?? 0) & 0x0f, buffer, start, start + length);
      offset = start + length;
    }
    // The head of the frame is incomplete: one more byte may be enough to go on.
    this.#wanted = 0;
    return offset;
  }
}

/** A client's frame. The mask is zero: masking protects proxies, and there is no proxy here. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  return Buffer.concat([frameHead(opcode, payload.length), payload]);
}

function frameHead(opcode: number, length: number): Buffer {
  // Behind the length: the mask.
  const head = Buffer.alloc(length > 0xffff ? 14 : length > 125 ? 8 : 6);
  head[0] = 0x80 | opcode;
  if (length > 0xffff) {
    head[1] = 0x80 | 127;
    head.writeUInt32BE(length, 6);
  } else if (length > 125) {
    head[1] = 0x80 | 126;
    head.writeUInt16BE(length, 2);
  } else head[1] = 0x80 | length;
  return head;
}

export function upgradeRequest(port: number, path: string, headers: Readonly<Record<string, string>> = {}): string {
  const key = randomBytes(16).toString("base64");
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${lines.join("")}\r\n`;
}
