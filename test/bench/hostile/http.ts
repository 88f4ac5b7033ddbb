import { Agent, request, type IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import { cameFrom, HOSTILE_ADDRESS, type HostileTarget } from "./target.ts";
import { uncaught } from "./uncaught.ts";

/** A request. */
export interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const agent = new Agent({ keepAlive: true });

/** Returns the status once the whole answer is there, or 0 if the connection broke. The body is not kept. */
export async function ask(target: HostileTarget, what: Ask): Promise<number> {
  const response = await begin(target, what);
  if (!response) return 0;
  return new Promise((resolve) => {
    response.on("data", () => {});
    response.on("end", () => resolve(response.statusCode ?? 0));
    response.on("error", () => resolve(0));
    response.on("close", () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
  });
}

/** Returns the body as JSON. Throws on any status but 200. */
export async function read<T>(target: HostileTarget, what: Ask): Promise<T> {
  const response = await begin(target, what);
  const chunks: Buffer[] = [];
  if (response) for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (response?.statusCode !== 200) throw new Error(`${what.path} answered ${response?.statusCode}: ${text}`);
  return JSON.parse(text);
}

/** Resolves when the answer begins, or to undefined if none does. */
export function begin({ port }: HostileTarget, what: Ask): Promise<IncomingMessage | undefined> {
  const { path, method = "GET", headers, body } = what;
  return new Promise((resolve) => {
    const asked = request(
      { host: "127.0.0.1", port, path, method, agent, headers: { ...cameFrom(HOSTILE_ADDRESS), ...headers } },
      (response) => {
        uncaught.answered(`${method} ${withoutQuery(path)}`, response.statusCode, response.headers["retry-after"]);
        resolve(response);
      },
    );
    asked.on("error", () => resolve(undefined));
    asked.end(body);
  });
}

function withoutQuery(path: string): string {
  return path.split("?", 1)[0] ?? "";
}

/** Notes it if a server refuses an upgrade with an uncaught error. The socket is closed then. */
export function watchUpgrade(socket: WebSocket): void {
  socket.on("unexpected-response", (_, response: IncomingMessage) => {
    uncaught.answered("an upgrade", response.statusCode, response.headers["retry-after"]);
    response.resume();
    socket.terminate();
  });
  socket.on("close", (code) => uncaught.closed(code));
}
