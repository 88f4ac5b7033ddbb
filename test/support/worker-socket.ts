import { request } from "./api.ts";

/** A WebSocket to the Worker, as a client makes one. */
export class WorkerSocket {
  static readonly opened: WorkerSocket[] = [];
  readyState = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  closed: { code: number; reason: string } | undefined;
  #socket: WebSocket | undefined;

  constructor(url: string, protocols: readonly string[]) {
    WorkerSocket.opened.push(this);
    void this.#open(new URL(url), protocols);
  }

  send(text: string): void {
    if (this.readyState === 1) this.#socket?.send(text);
  }

  close(): void {
    this.#end(1005, "");
    this.#socket?.close();
  }

  /** The connection breaks: what the server has sent since is lost, and so is what comes. */
  cut(): void {
    const tell = this.onclose;
    this.close();
    tell?.({ code: 1006, reason: "" });
  }

  async #open({ pathname, search }: URL, protocols: readonly string[]): Promise<void> {
    const { status, webSocket } = await request(pathname + search, {
      headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": protocols.join(", ") },
    });
    if (!webSocket) {
      this.#end(1006, `not opened: ${status}`);
      return;
    }
    webSocket.addEventListener("message", ({ data }) => this.onmessage?.({ data }));
    webSocket.addEventListener("close", ({ code, reason }) => this.#end(code, reason));
    this.#socket = webSocket;
    this.readyState = 1;
    webSocket.accept();
    this.onopen?.();
  }

  #end(code: number, reason: string): void {
    if (this.closed) return;
    this.closed = { code, reason };
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}
