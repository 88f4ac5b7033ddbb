import { connect, createServer, type Server, type Socket } from "node:net";
import { addressOf, listenOnLoopback } from "./loopback.ts";

/** A TCP proxy to a port of this machine that cuts, delays and changes what passes. */
export class TcpProxy {
  /** Milliseconds for which what the server sends is held back. */
  delay = 0;
  /** The `Last-Event-ID` of each request for a stream that came by; undefined where it had none. */
  readonly asked: (string | undefined)[] = [];
  /** Connections that `cutAfter` has cut. */
  cuts = 0;
  readonly #server: Server;
  readonly #change: (data: Buffer) => Buffer;
  readonly #pairs = new Set<[Socket, Socket]>();
  #isShut = false;
  /** Bytes that the server still gets through. */
  #left = Infinity;

  private constructor(target: number, change: (data: Buffer) => Buffer) {
    this.#change = change;
    this.#server = createServer((client) => {
      if (this.#isShut) client.destroy();
      else this.#join(client, connect(target, "127.0.0.1"));
    });
  }

  /** `change` is done to whatever passes, in both directions. */
  static async start(target: number, change = (data: Buffer): Buffer => data): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, change);
    await listenOnLoopback(proxy.#server);
    return proxy;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  /** Ends every connection at once, in the middle of whatever it is. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Ends every connection, and each new one too until `open`. */
  shut(): void {
    this.#isShut = true;
    this.cut();
  }

  open(): void {
    this.#isShut = false;
  }

  /** The server gets through so many bytes more, and then the connection ends. The next one holds. */
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #join(client: Socket, server: Socket): void {
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    for (const socket of pair) {
      // What ends one side ends the other.
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    client.on("data", (data) => {
      this.#note(data.toString("latin1"));
      server.write(this.#change(data));
    });
    // Timers of the same length end in the order in which they were set; those after a change of the delay are held.
    let last = Promise.resolve();
    server.on("data", (data) => {
      const { delay } = this;
      last = last.then(async () => {
        if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
        this.#pass(this.#change(data), client, server);
      });
    });
  }

  #note(head: string): void {
    if (/^accept: *text\/event-stream/im.test(head)) this.asked.push(/^last-event-id: *(.*?)\r?$/im.exec(head)?.[1]);
  }

  #pass(data: Buffer, client: Socket, server: Socket): void {
    if (client.writableEnded) return;
    if (data.length < this.#left) {
      this.#left -= data.length;
      client.write(data);
      return;
    }
    const half = data.subarray(0, this.#left);
    this.#left = Infinity;
    this.cuts++;
    // What got through is seen; the rest never comes.
    client.end(half, () => server.destroy());
  }
}
