import { createServer, type Server } from "node:http";
import { WebSocketServer } from "ws";

/*
 * What one writes in an afternoon: each body that is POSTed goes to every client. Nothing is kept, merged or checked, so
 * that it is the least work that sends a message for each update. The arguments: which server, and where socket.io is.
 */

/** What the bench uses of socket.io, which is installed for the bench alone. */
interface SocketIo {
  readonly Server: new (server: Server, options: object) => { emit(event: string, value: unknown): void };
}

const [, , kind, path = ""] = process.argv;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    send(Buffer.concat(chunks));
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 2 }).end("{}");
  });
});
const send = kind === "socket.io" ? await throughSocketIo() : throughWs();
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
process.on("disconnect", () => process.exit(0));

function throughWs(): (body: Buffer) => void {
  const sockets = new WebSocketServer({ server, perMessageDeflate: kind === "ws, deflate" });
  return (body) => {
    for (const client of sockets.clients) client.send(body, { binary: false });
  };
}

/** As an event, as in socket.io's own examples. Websocket transport only; compression of messages is off by default. */
async function throughSocketIo(): Promise<(body: Buffer) => void> {
  const { Server } = (await import(path)) as SocketIo;
  const io = new Server(server, { transports: ["websocket"], serveClient: false });
  return (body) => io.emit("update", JSON.parse(body.toString()));
}
