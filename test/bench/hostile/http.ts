import { Agent, request, type IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import { cameFrom, HOSTILE_ADDRESS, type HostileTarget } from "./target.ts";
import { uncaught } from "./uncaught.ts";

/** What is asked of the server. */
export interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const agent = new Agent({ keepAlive: true });

/** The answer's status, once all of it has come; 0 where the connection broke. What it says is not kept. */
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

/** What the answer says; throws where it is not 200. */
export async function read<T>(target: HostileTarget, what: Ask): Promise<T> {
  const response = await begin(target, what);
  const chunks: Buffer[] = [];
  if (response) for await (const chunk of response) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  if (response?.statusCode !== 200) throw new Error(`${what.path} answered ${response?.statusCode}: ${text}`);
  return JSON.parse(text);
}

/** Resolves once the answer begins; to nothing where none does. */
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

/** Has it noted if a server refuses an upgrade with an error that it did not catch; the socket is closed then. */
export function watchUpgrade(socket: WebSocket): void {
  socket.on("unexpected-response", (_, response: IncomingMessage) => {
    uncaught.answered("an upgrade", response.statusCode, response.headers["retry-after"]);
    response.resume();
    socket.terminate();
  });
  socket.on("close", (code) => uncaught.closed(code));
}
