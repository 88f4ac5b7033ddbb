import { decode, encode } from "@msgpack/msgpack";
import { expect } from "vitest";
import type { JsonObject } from "../../src/protocol/json.ts";
import { MSGPACK_PROTOCOL } from "../../src/protocol/names.ts";
import { request } from "./api.ts";
import { View, type Message } from "./view.ts";

export type { Message } from "./view.ts";

/**
 * A client that does what the contract tells clients to do, and fails the test where the server breaks continuity:
 * it keeps a view and a position, and holds every `from` against it. It speaks MessagePack if it asks for that subprotocol.
 */
export class TestSubscriber {
  readonly messages: Message[] = [];
  /** Text frames, as they came. */
  readonly raw: string[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly protocol: string | null;
  readonly #view: View;
  #failure: unknown;
  #socket: WebSocket;
  #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket, view: View, protocol: string | null) {
    this.protocol = protocol;
    this.#socket = socket;
    this.#view = view;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
      this.#wake();
    });
    socket.accept();
  }

  /** Connects; `query` is the URL's, such as `?keys=A`. A `view` from an earlier connection is gone on with. */
  static async connect(
    feed: string,
    query = "",
    headers: Record<string, string> = {},
    view = new View(),
  ): Promise<TestSubscriber> {
    const response = await upgrade(feed, query, headers);
    expect(response.status).toBe(101);
    return new TestSubscriber(response.webSocket!, view, response.headers.get("Sec-WebSocket-Protocol"));
  }

  get view(): View {
    return this.#view;
  }

  get position(): View["position"] {
    return this.#view.position;
  }

  /** The position, as it is written. */
  get since(): string {
    return `${this.position?.epoch}:${this.position?.seq}`;
  }

  send(message: unknown): void {
    if (isSubscribe(message)) this.#view.wants = message.keys ?? [];
    if (typeof message === "string" || message instanceof ArrayBuffer) this.#socket.send(message);
    else this.#socket.send(this.protocol === MSGPACK_PROTOCOL ? encode(message) : JSON.stringify(message));
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  /** Waits until `condition` holds, looking again after every message. */
  async until(condition: (subscriber: this) => boolean, what = "the condition"): Promise<this> {
    const deadline = AbortSignal.timeout(30_000);
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (condition(this)) return this;
      if (deadline.aborted) {
        throw new Error(
          `waited in vain for ${what}; got ${JSON.stringify(this.messages.slice(-5))} ${JSON.stringify(this.closed ?? "")}`,
        );
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        deadline.addEventListener("abort", () => resolve());
      });
    }
  }

  /** Waits until the view stands at `seq` or after. */
  reaches(seq: number): Promise<this> {
    return this.until(({ position }) => (position?.seq ?? -1) >= seq && !this.#view.partial, `seq ${seq}`);
  }

  async message(type: string, id?: number): Promise<Message> {
    const find = (): Message | undefined =>
      this.messages.find((m) => m.type === type && (id === undefined || m.id === id));
    await this.until(() => find() !== undefined, `a ${type} message`);
    return find()!;
  }

  state(): Record<string, JsonObject> {
    return this.#view.state();
  }

  #receive(data: string | ArrayBuffer): void {
    if (typeof data === "string") this.raw.push(data);
    try {
      if (data !== "pong") this.#apply(typeof data === "string" ? JSON.parse(data) : (decode(data) as Message));
    } catch (error) {
      // An error that is thrown here would be lost: the next wait throws it.
      this.#failure ??= error;
    }
    this.#wake();
  }

  #apply(message: Message): void {
    this.messages.push(message);
    this.#view.apply(message);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export function upgrade(feed: string, query = "", headers: Record<string, string> = {}): Promise<Response> {
  return request(`/v1/feeds/${feed}${query}`, { headers: { Upgrade: "websocket", ...headers } });
}

function isSubscribe(message: unknown): message is { type: "subscribe"; keys?: string[] } {
  return typeof message === "object" && message !== null && "type" in message && message.type === "subscribe";
}
