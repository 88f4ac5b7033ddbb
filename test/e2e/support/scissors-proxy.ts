import { connect, createServer, type Server, type Socket } from "node:net";
import { addressOf, listenOnLoopback } from "./loopback.ts";

/** A TCP proxy to a port of this machine that cuts connections after so many bytes, in the middle of whatever that is. */
export class ScissorsProxy {
  /** The `Last-Event-ID` of each request for a stream that came by; nothing where it had none. */
  readonly asked: (string | undefined)[] = [];
  /** Connections that it has cut. */
  cuts = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #left = Infinity;

  private constructor(target: number) {
    this.#server = createServer((client) => this.#join(client, connect(target, "127.0.0.1")));
  }

  static async start(target: number): Promise<ScissorsProxy> {
    const proxy = new ScissorsProxy(target);
    await listenOnLoopback(proxy.#server);
    return proxy;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  /** The server gets through so many bytes more, and then the connection ends. The next one holds. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(client: Socket, server: Socket): void {
    for (const [socket, other] of [[client, server] as const, [server, client] as const]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    client.on("data", (data) => {
      const head = data.toString("latin1");
      if (/^accept: *text\/event-stream/im.test(head)) {
        this.asked.push(/^last-event-id: *(.*?)\r?$/im.exec(head)?.[1]);
      }
      server.write(data);
    });
    server.on("data", (data) => {
      if (data.length < this.#left) {
        this.#left -= data.length;
        client.write(data);
        return;
      }
      const half = data.subarray(0, this.#left);
      this.#left = Infinity;
      this.cuts++;
      server.removeAllListeners("data");
      // What got through is seen; the rest never comes.
      client.end(half, () => server.destroy());
    });
  }
}
