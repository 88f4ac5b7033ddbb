import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { clientFrame, FrameReader, OPCODE, upgradeRequest } from "./frames.ts";
import type { PublishEndpoint, PublishLine } from "./publish-connection.ts";

const END_OF_HEAD = "\r\n\r\n";
/** What an answer without a receipt counts as. */
const REFUSED = 400;

/**
 * One WebSocket that publishes, with any number of messages on their way. A bare socket, as the server and its load share
 * the cores.
 */
export class PublishSocket implements PublishLine {
  readonly #socket: Socket;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, { resolve: (status: number) => void; reject: (error: Error) => void }>();
  #count = 0;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#frames.push(chunk, this.#take));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed a publisher's socket")));
  }

  static async open({ port, path, headers }: PublishEndpoint): Promise<PublishSocket> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    socket.write(upgradeRequest(port, `${path}?publish=only`, headers));
    let head = Buffer.alloc(0);
    let end = -1;
    for (; end < 0; end = head.indexOf(END_OF_HEAD)) {
      const [chunk]: Buffer[] = await once(socket, "data");
      if (chunk) head = Buffer.concat([head, chunk]);
    }
    const text = head.toString("latin1", 0, end);
    if (!text.startsWith("HTTP/1.1 101")) throw new Error(`a publisher's upgrade was refused:\n${text}`);
    const publisher = new PublishSocket(socket);
    publisher.#frames.push(head.subarray(end + END_OF_HEAD.length), publisher.#take);
    return publisher;
  }

  get isUsable(): boolean {
    return !this.#isClosed;
  }

  publish(body: string, idempotencyKey?: string): Promise<number> {
    const id = ++this.#count;
    const key = idempotencyKey === undefined ? "" : `,"idempotencyKey":"${idempotencyKey}"`;
    const updates = body.startsWith("[") ? body : `[${body}]`;
    const answered = new Promise<number>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.write(
      clientFrame(OPCODE.text, Buffer.from(`{"type":"publish","id":${id},"updates":${updates}${key}}`)),
    );
    return answered;
  }

  close(): void {
    this.#waiting.clear();
    this.#socket.destroy();
  }

  readonly #take = (opcode: number, buffer: Buffer, start: number, end: number): void => {
    if (opcode === OPCODE.ping) this.#socket.write(clientFrame(OPCODE.pong, buffer.subarray(start, end)));
    if (opcode !== OPCODE.text) return;
    const text = buffer.toString("latin1", start, end);
    const isReceipt = text.startsWith('{"type":"receipt"');
    if (!isReceipt && !text.startsWith('{"type":"error"')) return;
    const id = Number(/"id":(\d+)/.exec(text)?.[1]);
    this.#waiting.get(id)?.resolve(isReceipt ? 200 : REFUSED);
    this.#waiting.delete(id);
  };

  #fail(error: Error): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
