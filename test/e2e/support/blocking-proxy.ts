import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { addressOf, listenOnLoopback } from "./loopback.ts";
import { upgradeAnswer } from "./raw-http.ts";

/**
 * What becomes of a WebSocket: refused, cut off, never answered, or opened by the proxy itself, which then swallows
 * every frame.
 */
type Upgrades = "refused" | "reset" | "unanswered" | "swallowed";

interface ProxyOptions {
  /** Refused if not given. */
  readonly upgrades?: Upgrades;
  readonly holdsStreams?: boolean;
  /** The most seconds for which a poll may wait; as many as it asks for if not given. */
  readonly mostWait?: number;
}

/** An HTTP proxy as some networks have: it knows no WebSockets, and may hold back what does not end. */
export class BlockingProxy {
  readonly #server: Server;
  readonly #target: URL;
  /** Whether answers are handed on only once they are whole. */
  holdsStreams: boolean;
  /** What was asked, by kind. */
  readonly seen = { upgrades: 0, streams: 0, polls: 0 };

  readonly #mostWait: number | undefined;
  readonly #upgraded = new Set<Duplex>();

  private constructor(target: string, { upgrades = "refused", holdsStreams = false, mostWait }: ProxyOptions) {
    this.#target = new URL(target);
    this.#mostWait = mostWait;
    this.holdsStreams = holdsStreams;
    this.#server = createServer((request, response) => this.#forward(request, response));
    this.#server.on("upgrade", ({ headers }, socket) => {
      this.seen.upgrades++;
      this.#upgraded.add(socket);
      socket.on("error", () => {});
      socket.resume();
      if (upgrades === "reset") socket.destroy();
      else if (upgrades === "refused")
        socket.end("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      else if (upgrades === "swallowed") socket.write(upgradeAnswer(headers));
    });
  }

  static async start(target: string, options: ProxyOptions = {}): Promise<BlockingProxy> {
    const proxy = new BlockingProxy(target, options);
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
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.close();
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { hostname, port } = this.#target;
    const { method, headers } = request;
    const url = (request.url ?? "/").replace(/\bwait=\d+/, (wait) =>
      this.#mostWait === undefined ? wait : `wait=${this.#mostWait}`,
    );
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
