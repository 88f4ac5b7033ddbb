import { pack } from "../../../src/protocol/msgpack-frames.ts";

/** A WebSocket whose other end is the test, which sends binary frames. */
export class PackedSocket {
  static readonly opened: PackedSocket[] = [];
  readonly url: string;
  readonly protocols: readonly string[];
  binaryType = "blob";
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly sent: string[] = [];

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
    PackedSocket.opened.push(this);
  }

  // The client's end.

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {}

  // The server's end.

  say(message: unknown): void {
    this.bytes(pack(JSON.stringify(message)));
  }

  /** One binary frame, in the form that `binaryType` asks for. */
  bytes(frame: Uint8Array): void {
    this.onmessage?.({ data: this.binaryType === "arraybuffer" ? Uint8Array.from(frame).buffer : new Blob() });
  }

  text(text: string): void {
    this.onmessage?.({ data: text });
  }

  end(code: number): void {
    this.onclose?.({ code, reason: "" });
  }
}
