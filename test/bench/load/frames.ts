import { randomBytes } from "node:crypto";

/** Gets a frame's payload as a part of `buffer`, which is used again after the call. */
export type OnFrame = (opcode: number, buffer: Buffer, start: number, end: number) => void;

export const OPCODE = { close: 8, ping: 9, pong: 10 } as const;

/** Finds the frames in what a server sends. Knows only what a server may do where no extension was offered. */
export class FrameReader {
  #rest: Buffer | undefined;

  push(chunk: Buffer, onFrame: OnFrame): void {
    const buffer = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
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
      if (buffer.length < start + length) break;
      onFrame((buffer[offset] ?? 0) & 0x0f, buffer, start, start + length);
      offset = start + length;
    }
    this.#rest = offset === buffer.length ? undefined : buffer.subarray(offset);
  }
}

/** A client's frame. The mask is zero: it protects proxies, and there is none here. */
export function clientFrame(opcode: number, payload: Buffer): Buffer {
  if (payload.length > 125) throw new RangeError("only short frames are sent");
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

export function upgradeRequest(port: number, path: string): string {
  const key = randomBytes(16).toString("base64");
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
}
