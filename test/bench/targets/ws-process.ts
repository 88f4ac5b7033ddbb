import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/*
 * What one writes with `ws` in an afternoon: each body that is POSTed goes to every client as it is. Nothing is kept,
 * merged or checked, so that it is the least work that sends a message for each update.
 */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    for (const client of sockets.clients) client.send(body, { binary: false });
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 2 }).end("{}");
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: process.argv[2] === "deflate" });
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
process.on("disconnect", () => process.exit(0));
