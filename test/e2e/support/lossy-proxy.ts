import { createServer, request as ask, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { addressOf, listenOnLoopback } from "./loopback.ts";

/** What becomes of one request. `late`: it is passed on after so many milliseconds, even if the client has given up. */
export type Fate =
  | "pass"
  | "lose the request"
  | "lose the answer"
  | { readonly late: number }
  | { readonly status: number };

/** An HTTP proxy that does to each request what the test says. It knows no WebSockets: what asks for one becomes a plain request. */
export class LossyProxy {
  readonly #server: Server;
  readonly #target: URL;
  /** Requests that are still to arrive, or to be answered. */
  readonly #open = new Set<Promise<void>>();

  private constructor(target: string, fate: () => Fate) {
    this.#target = new URL(target);
    this.#server = createServer((request, response) => {
      const done = this.#serve(request, response, fate()).catch(() => void response.destroy());
      this.#open.add(done);
      void done.then(() => this.#open.delete(done));
    });
  }

  static async start(target: string, fate: () => Fate): Promise<LossyProxy> {
    const proxy = new LossyProxy(target, fate);
    await listenOnLoopback(proxy.#server);
    return proxy;
  }

  get url(): string {
    return addressOf(this.#server);
  }

  /** Ends when everything that was sent has arrived, if it ever will. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse, fate: Fate): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    if (fate === "lose the request") return void response.destroy();
    if (typeof fate === "object" && "status" in fate) {
      response.writeHead(fate.status, { "content-type": "application/json" }).end('{"code":"elsewhere"}');
      return;
    }
    if (typeof fate === "object") await wait(fate.late);
    const { status, body } = await this.#forward(request, Buffer.concat(chunks));
    if (fate === "pass") response.writeHead(status, { "content-type": "application/json" }).end(body);
    else response.destroy();
  }

  #forward({ method, url, headers: all }: IncomingMessage, body: Buffer): Promise<{ status: number; body: Buffer }> {
    const { hostname, port } = this.#target;
    const { upgrade: _, connection: __, ...headers } = all;
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: Buffer }>();
    const upstream = ask({ hostname, port, method, path: url, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 502, body: Buffer.concat(chunks) }));
    });
    upstream.on("error", reject);
    upstream.end(body);
    return promise;
  }
}
