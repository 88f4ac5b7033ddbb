import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { addressOf, listenOnLoopback } from "./loopback.ts";
import { upgradeAnswer } from "./raw-http.ts";

/** A server of WebSockets that begins to close each connection after a while and never ends one, whatever is answered. */
export class ClosingServer {
  readonly #server: Server;
  readonly #sockets: Duplex[] = [];

  private constructor(messages: readonly object[], code: number, ms: number) {
    this.#server = createServer((_, response) => void response.writeHead(503).end());
    this.#server.on("upgrade", ({ headers }, socket: Duplex) => {
      this.#sockets.push(socket);
      socket.on("error", () => {});
      socket.resume();
      socket.write(upgradeAnswer(headers));
      for (const message of messages) socket.write(frame(0x81, Buffer.from(JSON.stringify(message))));
      setTimeout(() => socket.write(frame(0x88, Buffer.from([code >> 8, code & 0xff]))), ms);
    });
  }

  /** Sends each connection the messages at once, and a close frame after so many milliseconds. */
  static async start(messages: readonly object[], code: number, ms: number): Promise<ClosingServer> {
    const server = new ClosingServer(messages, code, ms);
    await listenOnLoopback(server.#server);
    return server;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  get connections(): number {
    return this.#sockets.length;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

/** One whole frame, of less than 64 KiB. */
function frame(type: number, data: Buffer): Buffer {
  const head = data.length < 126 ? [type, data.length] : [type, 126, data.length >> 8, data.length & 0xff];
  return Buffer.concat([Buffer.from(head), data]);
}
