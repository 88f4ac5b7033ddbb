import { connect, createServer, type Server, type Socket } from "node:net";
import { addressOf, listenOnLoopback } from "./loopback.ts";

/** A TCP proxy to a port of this machine that cuts and delays. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  /** Milliseconds for which what the server sends is held back. */
  delay = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on("connection", (client) => proxy.#join(client, connect(target, "127.0.0.1")));
    await listenOnLoopback(server);
    return proxy;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  /** Ends every connection at once, in the middle of whatever it is. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(client: Socket, server: Socket): void {
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    for (const socket of pair) {
      // Whatever ends one side ends the other.
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    client.pipe(server);
    // Timers of the same length end in the order in which they were set; those after a change of the delay are held.
    let last = Promise.resolve();
    server.on("data", (data) => {
      const { delay } = this;
      last = last.then(async () => {
        if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
        client.write(data);
      });
    });
  }
}
