import { createServer, type Server as HttpServer } from "node:http";

/** What the bench uses of socket.io, which is installed for the bench alone. */
interface SocketIo {
  readonly Server: new (server: HttpServer, options: object) => { emit(event: string, value: unknown): void };
}

/*
 * Each body that is POSTed goes to every client as an event, as socket.io's own examples do it. Websocket transport
 * only; compression of messages is off by default. Where socket.io is, comes as the argument.
 */
const { Server } = (await import(process.argv[2] ?? "")) as SocketIo;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    io.emit("update", JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": 2 }).end("{}");
  });
});
const io = new Server(server, { transports: ["websocket"], serveClient: false });
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
process.on("disconnect", () => process.exit(0));
