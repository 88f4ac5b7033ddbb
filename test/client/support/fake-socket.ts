import { pack } from "../../../src/protocol/msgpack-frames.ts";

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static readonly opened: FakeSocket[] = [];
  static get last(): FakeSocket {
    return FakeSocket.opened.at(-1)!;
  }
  readonly url: string;
  readonly protocols: readonly string[];
  readyState = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: string[] = [];

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.opened.push(this);
  }

  // The client's end.

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 2;
  }

  // The server's end.

  text(...texts: string[]): void {
    for (const data of texts) this.onmessage?.({ data });
  }

  say(...messages: unknown[]): void {
    this.text(...messages.map((message) => JSON.stringify(message)));
  }

  sayPacked(...messages: unknown[]): void {
    for (const message of messages) this.bytes(pack(JSON.stringify(message)));
  }

  /** One binary frame, in the form that `binaryType` asks for. */
  bytes(frame: Uint8Array): void {
    this.onmessage?.({ data: this.binaryType === "arraybuffer" ? Uint8Array.from(frame).buffer : new Blob() });
  }

  end(code: number, reason = ""): void {
    this.onclose?.({ code, reason });
  }
}

/** The same as the option `WebSocket` of a feed. */
export const Socket = FakeSocket as unknown as typeof WebSocket;
