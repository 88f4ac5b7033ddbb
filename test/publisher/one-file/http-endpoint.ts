import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { PublishEndpoint, type Fate, type Seen } from "../publish-endpoint.ts";

const DOWN: Fate = { status: 503, body: { code: "overloaded" }, headers: { "retry-after": "0.05" } };

/** A model feed behind real HTTP, with these fates in turn, and `accept` from then on. */
export class HttpEndpoint {
  readonly endpoint: PublishEndpoint;
  /** It takes nothing now. */
  isDown = false;
  readonly #server: Server;

  private constructor(fates: readonly Fate[]) {
    this.endpoint = new PublishEndpoint((index) => (this.isDown ? DOWN : (fates[index] ?? "accept")));
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      const gone = new AbortController();
      response.on("close", () => gone.abort());
      const headers = new Headers(
        Object.entries(request.headers).map(([name, value]): [string, string] => [name, String(value)]),
      );
      try {
        const answer = await this.endpoint.fetch(`http://feed.test${request.url}`, {
          headers,
          body: headers.get("content-encoding") ? new Uint8Array(body) : body.toString(),
          signal: gone.signal,
          redirect: "manual",
        });
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(await answer.text());
      } catch {
        // As when a network or a server fails.
        request.socket.destroy();
      }
    });
  }

  static async start(fates: readonly Fate[] = []): Promise<HttpEndpoint> {
    const endpoint = new HttpEndpoint(fates);
    await new Promise<void>((resolve) => endpoint.#server.listen(0, "127.0.0.1", resolve));
    return endpoint;
  }

  get url(): string {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get seen(): readonly Seen[] {
    return this.endpoint.seen;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
