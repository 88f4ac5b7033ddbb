import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

/** A request written byte by byte, so that it can be what no HTTP client would send. */
export class RawRequest {
  readonly socket: Socket;
  /** All that has come back. */
  received = "";
  /** Whether the other side has ended the connection. */
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data) => void (this.received += data.toString("latin1")));
    // Refused connections are reset, which is no failure of these tests.
    socket.on("error", () => {});
    socket.on("close", () => void (this.ended = true));
  }

  static async open(port: number): Promise<RawRequest> {
    const socket = connect(port, "127.0.0.1");
    const request = new RawRequest(socket);
    await once(socket, "connect");
    return request;
  }

  write(...parts: (string | Uint8Array)[]): this {
    for (const part of parts) if (!this.socket.destroyed) this.socket.write(part);
    return this;
  }

  /** The status of the first answer; 0 where the connection ended without one. */
  async status(ms = 20_000): Promise<number> {
    await until(() => this.ended || this.received.includes("\r\n\r\n"), "an answer", { ms });
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Head of a request, with its blank line. */
export function head(line: string, headers: readonly string[]): string {
  return [`${line} HTTP/1.1`, "Host: feeds.test", ...headers, "", ""].join("\r\n");
}

/** Accepts a WebSocket, with the subprotocol that was offered first. */
export function upgradeAnswer(headers: IncomingHttpHeaders): string {
  const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const [protocol] = (headers["sec-websocket-protocol"] ?? "").split(",");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${createHash("sha1").update(key).digest("base64")}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    "\r\n",
  ].join("\r\n");
}
