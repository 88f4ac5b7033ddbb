import { connect, type Socket } from "node:net";
import { clock } from "./clock.ts";
import { clientFrame, FrameReader, OPCODE, upgradeRequest, type OnFrame } from "./frames.ts";

/** Gets a message as a part of `buffer`, which is reused after the call, and when it was read. */
export type OnMessage = (buffer: Buffer, start: number, end: number, at: number) => void;

/** Where and how to subscribe over WebSocket. */
export interface SubscribeEndpoint {
  readonly port: number;
  /** Ports that take turns, if there is more than one. */
  readonly ports?: readonly number[] | undefined;
  /** `{i}` stands for the subscriber's number. */
  readonly path: string;
  /** `engine.io` opens a connection, and keeps it alive, by messages of its own. */
  readonly dialect?: "engine.io" | undefined;
  /** Headers of the upgrade. The same goes for their values. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The endpoint of one subscriber. */
export function endpointOf(endpoint: SubscribeEndpoint, index: number): SubscribeEndpoint {
  const own = (text: string): string => text.replace("{i}", String(index));
  const headers = Object.entries(endpoint.headers ?? {}).map(([name, value]) => [name, own(value)]);
  const { ports = [] } = endpoint;
  const port = ports[index % ports.length] ?? endpoint.port;
  return { ...endpoint, port, path: own(endpoint.path), headers: Object.fromEntries(headers) };
}

/**
 * All sockets of the process read into this one buffer, one after the other. A buffer for each read, and a stream to
 * carry it, would cost the generator more than the rest of its work.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(256 * 1024);
const END_OF_HEAD = "\r\n\r\n";
/** The messages of engine.io: the first character is the type. */
const ENGINE_IO = { open: 48, ping: 50, message: 52, pong: Buffer.from("3"), connect: Buffer.from("40") };

/** A WebSocket on a bare socket. It only scans what it receives, in place. */
export class RawSubscriber {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #onMessage: OnMessage;
  readonly #isEngineIo: boolean;
  readonly #opened = Promise.withResolvers<void>();
  #head: Buffer | undefined = Buffer.alloc(0);
  /**
   * When the last read was, in milliseconds of the shared clock. Taken once a read, because a read may hold a hundred
   * frames.
   */
  #readAt = 0;
  #closed = false;
  #closeCode: number | undefined;

  private constructor(endpoint: SubscribeEndpoint, onMessage: OnMessage) {
    const { port, path, dialect, headers } = endpoint;
    this.#onMessage = onMessage;
    this.#isEngineIo = dialect === "engine.io";
    const onread = {
      buffer: READ_BUFFER,
      callback: (length: number): boolean => {
        this.#receive(READ_BUFFER.subarray(0, length));
        return true;
      },
    };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    this.#socket.on("connect", () => this.#socket.write(upgradeRequest(port, path, headers)));
    this.#socket.on("error", (error) => this.#opened.reject(error));
    this.#socket.on("close", () => {
      this.#closed = true;
      this.#opened.reject(new Error("the server closed the connection"));
    });
  }

  /** Resolves when the server has accepted the subscriber. */
  static async open(endpoint: SubscribeEndpoint, onMessage: OnMessage): Promise<RawSubscriber> {
    const subscriber = new RawSubscriber(endpoint, onMessage);
    await subscriber.#opened.promise;
    return subscriber;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The code that the server closed with, if it gave one. */
  get closeCode(): number | undefined {
    return this.#closeCode;
  }

  /** Stops reading. What the server sends then fills the system's buffers first, and the server's after that. */
  stopReading(): void {
    this.#socket.pause();
  }

  readAgain(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#readAt = clock();
    if (this.#head) this.#receiveHead(this.#head, data);
    else this.#frames.push(data, this.#take);
  }

  #receiveHead(before: Buffer, data: Buffer): void {
    const head = Buffer.concat([before, data]);
    this.#head = head;
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) return;
    this.#head = undefined;
    const text = head.toString("latin1", 0, end);
    if (!text.startsWith("HTTP/1.1 101")) return this.#opened.reject(new Error(`the upgrade was refused:\n${text}`));
    if (!this.#isEngineIo) this.#opened.resolve();
    if (head.length > end + END_OF_HEAD.length) this.#receive(head.subarray(end + END_OF_HEAD.length));
  }

  readonly #take: OnFrame = (opcode, buffer, start, end) => {
    if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, buffer.subarray(start, end)));
    else if (opcode === OPCODE.close) {
      this.#closeCode = end - start >= 2 ? buffer.readUInt16BE(start) : undefined;
      this.#socket.end();
    } else {
      if (this.#isEngineIo) this.#answerEngineIo(buffer[start] ?? 0);
      this.#onMessage(buffer, start, end, this.#readAt);
    }
  };

  #answerEngineIo(type: number): void {
    if (type === ENGINE_IO.open) this.#socket.write(clientFrame(OPCODE.text, ENGINE_IO.connect));
    else if (type === ENGINE_IO.ping) this.#socket.write(clientFrame(OPCODE.text, ENGINE_IO.pong));
    // The first message is the answer to `connect`; later ones change nothing.
    else if (type === ENGINE_IO.message) this.#opened.resolve();
  }
}
