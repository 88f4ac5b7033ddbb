import { connect, type Socket } from "node:net";
import { clientFrame, FrameReader, OPCODE, upgradeRequest, type OnFrame } from "./frames.ts";

/** Where and how something is subscribed to over WebSocket. */
export interface SubscribeEndpoint {
  readonly port: number;
  readonly path: string;
  /** A text message that the server wants before it sends anything. */
  readonly greeting?: string | undefined;
}

/** A WebSocket on a bare socket: what it receives is looked at where it lies, and nothing else is done with it. */
export class RawSubscriber {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #onFrame: OnFrame;
  #closed = false;

  private constructor(socket: Socket, onFrame: OnFrame) {
    this.#socket = socket;
    this.#onFrame = onFrame;
  }

  /** Resolves once the server has agreed to the upgrade. */
  static open(endpoint: SubscribeEndpoint, onFrame: OnFrame): Promise<RawSubscriber> {
    const { port, path, greeting } = endpoint;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    const subscriber = new RawSubscriber(socket, onFrame);
    return new Promise((resolve, reject) => {
      let head = Buffer.alloc(0);
      const onHead = (chunk: Buffer): void => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.off("data", onHead);
        const text = head.toString("latin1", 0, end);
        if (!text.startsWith("HTTP/1.1 101")) return reject(new Error(`the upgrade was refused:\n${text}`));
        socket.on("data", (data: Buffer) => subscriber.#receive(data));
        if (greeting !== undefined) socket.write(clientFrame(1, Buffer.from(greeting)));
        if (head.length > end + 4) subscriber.#receive(head.subarray(end + 4));
        resolve(subscriber);
      };
      socket.on("connect", () => socket.write(upgradeRequest(port, path)));
      socket.on("data", onHead);
      socket.on("error", reject);
      socket.on("close", () => {
        subscriber.#closed = true;
        reject(new Error("the server closed the connection"));
      });
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(data: Buffer): void {
    this.#frames.push(data, (opcode, buffer, start, end) => {
      if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, buffer.subarray(start, end)));
      else if (opcode === OPCODE.close) this.#socket.end();
      else this.#onFrame(opcode, buffer, start, end);
    });
  }
}
