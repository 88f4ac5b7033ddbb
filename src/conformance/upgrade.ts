import { randomBytes } from "node:crypto";
import http from "node:http";
import https from "node:https";

/** The status that an upgrade is answered with, which a `WebSocket` does not tell. */
export function statusOfUpgrade(url: string, headers: Record<string, string>): Promise<number> {
  const upgrade = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
  };
  return new Promise((resolve, reject) => {
    const request = (url.startsWith("https:") ? https : http).get(url, { headers: { ...upgrade, ...headers } });
    request.on("error", reject);
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    request.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
}
