import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { addressOf, listenOnLoopback } from "./loopback.ts";

/** An HTTP proxy as some networks have: it knows no WebSockets, and may hold back what does not end. */
export class BlockingProxy {
  readonly #server: Server;
  readonly #target: URL;
  /** Whether answers are handed on only once they are whole. */
  holdsStreams: boolean;
  /** What was asked, by kind. */
  readonly seen = { upgrades: 0, streams: 0, polls: 0 };

  private constructor(target: string, holdsStreams: boolean) {
    this.#target = new URL(target);
    this.holdsStreams = holdsStreams;
    this.#server = createServer((request, response) => this.#forward(request, response));
    this.#server.on("upgrade", (_, socket) => {
      this.seen.upgrades++;
      socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
  }

  static async start(target: string, { holdsStreams = false } = {}): Promise<BlockingProxy> {
    const proxy = new BlockingProxy(target, holdsStreams);
    await listenOnLoopback(proxy.#server);
    return proxy;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  /** Ends every connection. */
  cut(): void {
    this.#server.closeAllConnections();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { hostname, port } = this.#target;
    const { method, url = "/", headers } = request;
    if (headers.accept === "text/event-stream") this.seen.streams++;
    else if (url.includes("wait=")) this.seen.polls++;
    const upstream = ask({ hostname, port, method, path: url, headers }, (answer) => {
      answer.on("close", () => answer.complete || response.destroy());
      if (!this.holdsStreams) {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => response.writeHead(answer.statusCode ?? 502, answer.headers).end(Buffer.concat(chunks)));
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }
}
