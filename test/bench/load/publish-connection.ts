import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { clock } from "./clock.ts";

/** Where and how to publish. */
export interface PublishEndpoint {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Over one WebSocket, as messages; else by POST. */
  readonly isSocket?: boolean | undefined;
}

/** What carries publishes to a server. */
export interface PublishLine {
  /** Whether it can take another publish. */
  readonly isUsable: boolean;
  /** Publishes an update, or a list of them. Resolves to the status of the answer, in the sense of HTTP. */
  publish(body: string, idempotencyKey?: string): Promise<number>;
  close(): void;
}

/**
 * Milliseconds. Servers close a connection that is idle for some seconds, so do not reuse one that is idle for longer
 * than this.
 */
const LONGEST_IDLE = 2_000;
const END_OF_HEAD = "\r\n\r\n";

/**
 * One connection that POSTs one request at a time. It uses a bare socket: an HTTP client costs more CPU a request than
 * the server under test, and both share the cores.
 */
export class PublishConnection implements PublishLine {
  readonly #socket: Socket;
  readonly #head: string;
  #received = "";
  #usedAt = clock();
  #isClosed = false;
  #waiting: { resolve: (status: number) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket, { port, path, headers }: PublishEndpoint) {
    this.#socket = socket;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n${lines.join("")}`;
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => {
      this.#isClosed = true;
      this.#fail(new Error("the server closed a publisher's connection"));
    });
  }

  static async open(endpoint: PublishEndpoint): Promise<PublishConnection> {
    const socket = connect({ port: endpoint.port, host: "127.0.0.1" });
    await once(socket, "connect");
    return new PublishConnection(socket, endpoint);
  }

  /**
   * Whether another POST can use it. A POST that is sent while the server closes the connection would never be
   * answered.
   */
  get isUsable(): boolean {
    return !this.#isClosed && clock() < this.#usedAt + LONGEST_IDLE;
  }

  /** POSTs a body and resolves to the status once the whole answer is there. */
  publish(body: string, idempotencyKey?: string): Promise<number> {
    const key = idempotencyKey === undefined ? "" : `Idempotency-Key: ${idempotencyKey}\r\n`;
    const answered = new Promise<number>((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
    this.#socket.write(`${this.#head}${key}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return answered;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = this.#received.slice(0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) return this.#fail(new Error(`an answer without Content-Length:\n${head}`));
    if (this.#received.length < end + END_OF_HEAD.length + Number(length)) return;
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#usedAt = clock();
    waiting?.resolve(Number(head.slice(9, 12)));
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}
