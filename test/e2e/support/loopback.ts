import { once } from "node:events";
import type { Server } from "node:net";

/** Has a server listen on a free port of this machine, and returns its address. */
export async function listenOnLoopback(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return addressOf(server);
}

/** The address over HTTP, without a path, of a server that listens on this machine. */
export function addressOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}
