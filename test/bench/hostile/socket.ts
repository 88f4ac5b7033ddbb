import { WebSocket } from "ws";
import { watchUpgrade } from "./http.ts";
import { cameFrom, HOSTILE_ADDRESS, pathOf, type HostileTarget } from "./target.ts";

/** The beginning of a snapshot message. */
const SNAPSHOT = Buffer.from('{"type":"snapshot"');
const ANSWERS = ['{"type":"receipt"', '{"type":"error"', '{"type":"authorized"'].map((text) => Buffer.from(text));
const MORE = Buffer.from('"more":true}');

/** A socket that counts what arrives and reads little of it. */
export class HostileSocket {
  /** Snapshots that arrived whole. */
  snapshots = 0;
  /** Receipts, errors, authorizations. */
  answers = 0;
  bytes = 0;
  /** The code that it was closed with; 0 while it is open. */
  code = 0;
  readonly #socket: WebSocket;
  #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => this.#take(data));
    // A close follows, and is handled there.
    socket.on("error", () => {});
    watchUpgrade(socket);
    socket.on("close", (code) => {
      this.code = code;
      this.#tell();
    });
  }

  /** Resolves when it is open, or refused: then it has a code. `query`: as in `mode=all&keys=A`. */
  static async open(
    target: HostileTarget,
    query = "",
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HostileSocket> {
    const url = `ws://127.0.0.1:${target.port}${pathOf(target)}?${query}`;
    const options = { perMessageDeflate: false, skipUTF8Validation: true };
    const raw = new WebSocket(url, { ...options, headers: { ...cameFrom(HOSTILE_ADDRESS), ...headers } });
    const socket = new HostileSocket(raw);
    const opened = new Promise((resolve) => raw.once("open", resolve));
    await Promise.race([opened, socket.until(() => socket.code !== 0)]);
    return socket;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Bytes that are not sent yet. */
  get unsent(): number {
    return this.#socket.bufferedAmount;
  }

  /** Does nothing on a closed socket. */
  send(message: string): void {
    if (this.isOpen) this.#socket.send(message);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  /** Waits until `isSo` is true, which it checks on each message, or until the socket is closed. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo() && this.code === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  end(): void {
    this.#socket.terminate();
  }

  #take(data: Buffer): void {
    this.bytes += data.length;
    if (beginsWith(data, SNAPSHOT)) {
      if (!data.subarray(-MORE.length).equals(MORE)) this.snapshots++;
    } else if (ANSWERS.some((start) => beginsWith(data, start))) this.answers++;
    this.#tell();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

function beginsWith(data: Buffer, start: Buffer): boolean {
  return data.subarray(0, start.length).equals(start);
}
