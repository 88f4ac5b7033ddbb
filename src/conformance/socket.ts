import { Deviation } from "./assertions.ts";
import { toBody } from "./encoding.ts";
import { View, type Message } from "./view.ts";

/** Milliseconds to wait for a message. */
const PATIENCE = 8_000;

/** Milliseconds that a socket may take to close. */
const CLOSING = 2_000;

/** A client on a WebSocket, with no more than a browser has. */
export class Socket {
  readonly messages: Message[] = [];
  /** When each came, in milliseconds. */
  readonly times: number[] = [];
  readonly texts: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly view = new View();
  closed: number | undefined;
  #failed = false;
  #deviation: unknown;
  readonly #socket: WebSocket;
  readonly #waiting = new Set<() => void>();

  constructor(url: string, protocols: readonly string[], from?: View) {
    if (from) this.view.resume(from);
    this.#socket = new WebSocket(url, [...protocols]);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#wake());
    this.#socket.addEventListener("error", () => {
      this.#failed = true;
      this.#wake();
    });
    this.#socket.addEventListener("close", ({ code }) => {
      this.closed = code;
      this.#wake();
    });
    this.#socket.addEventListener("message", ({ data }) => this.#receive(data));
  }

  get protocol(): string | null {
    return this.#socket.protocol;
  }

  send(message: unknown): void {
    this.#socket.send(toBody(message));
  }

  close(): void {
    if (this.closed === undefined) this.#socket.close(1000);
  }

  /** Resolves when the server has closed it too: what was sent before has been carried out then. */
  async ended(): Promise<void> {
    await this.until("the end", () => this.closed !== undefined, CLOSING).catch(() => {});
  }

  async opened(): Promise<void> {
    await this.until("the socket to open", () => this.#socket.readyState === WebSocket.OPEN || this.#failed);
    if (this.#failed) throw new Deviation("the upgrade", "an open socket", "a refusal");
  }

  /** Waits until `condition` holds, looking again after all that happens. */
  async until(what: string, condition: () => boolean, ms = PATIENCE): Promise<void> {
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.#wake();
    }, ms);
    try {
      for (;;) {
        if (this.#deviation !== undefined) throw this.#deviation;
        if (condition()) return;
        if (over) throw new Deviation("waiting", what, { last: this.messages.slice(-3), closed: this.closed });
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Waits until the view stands at `seq` or after. */
  reaches(seq: number): Promise<void> {
    return this.until(`position ${seq}`, () => this.view.seq >= seq && !this.view.partial);
  }

  async message(type: string, id?: number): Promise<Message> {
    const find = (): Message | undefined =>
      this.messages.find((message) => message.type === type && (id === undefined || message.id === id));
    await this.until(`a ${type} message${id === undefined ? "" : ` with id ${id}`}`, () => find() !== undefined);
    const found = find();
    if (!found) throw new Error("it was there");
    return found;
  }

  #receive(data: unknown): void {
    if (data instanceof ArrayBuffer) this.frames.push(new Uint8Array(data));
    else if (data === "pong") this.texts.push(data);
    else {
      try {
        const message: Message = JSON.parse(String(data));
        this.messages.push(message);
        this.times.push(performance.now());
        this.view.apply(message);
      } catch (error) {
        this.#deviation ??= error;
      }
    }
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
