/** What Node has beside the Web's own interfaces. */
interface Http {
  get(url: string, options: { headers: Record<string, string> }): Request;
}
interface Request {
  on(event: "response", listener: (response: { statusCode: number; resume(): void }) => void): void;
  on(event: "upgrade", listener: (response: unknown, socket: { destroy(): void }) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** The status that an upgrade is answered with, which a `WebSocket` does not tell. */
export async function statusOfUpgrade(url: string, headers: Record<string, string>): Promise<number> {
  const http: Http = await import(url.startsWith("https:") ? "node:https" : "node:http");
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)))),
  };
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers: { ...upgrade, ...headers } });
    request.on("error", reject);
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode);
    });
  });
}
