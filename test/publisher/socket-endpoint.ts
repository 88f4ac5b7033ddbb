import type { SocketClass } from "../../src/connecting/socket.ts";
import { principalOf, type ModelFeed } from "./model-feed.ts";

/** What happens to a socket that is opened. */
export type OpenFate =
  | "open"
  /** Something on the way answers that it knows no upgrades. */
  | "refused"
  /** It opens, and nothing is ever said. */
  | "silent";

/** What happens to a message that publishes. */
export type MessageFate =
  | "accept"
  /** The connection breaks before the message is there. */
  | "cut"
  /** The same, but the feed gets this message and all that is on its way so many milliseconds later. */
  | { readonly cutAndLate: number }
  /** Applied, and the connection breaks before the receipt is there. */
  | "receipt lost"
  /** Applied, and not answered; later ones are. */
  | "unanswered"
  /** Neither this message nor a later one is ever answered. */
  | "hang"
  | { readonly close: number }
  | { readonly code: string; readonly retryAfter?: number }
  /** The answer of a server that lost its feed in between: after the message was applied, or before. */
  | { readonly unknown: "applied" | "not applied" };

interface Sent {
  readonly at: number;
  readonly socket: number;
  readonly id: number;
  readonly key: string;
  readonly updates: string;
}

/** Milliseconds from one end to the other. */
const WAY = 5;

/** A feed behind sockets that only publish, on a clock that the test moves. */
export class SocketEndpoint {
  readonly feed: ModelFeed;
  readonly sockets: ModelSocket[] = [];
  readonly seen: Sent[] = [];
  mostInFlight = 0;
  readonly opens: (index: number) => OpenFate;
  readonly fate: (index: number) => MessageFate;

  constructor(feed: ModelFeed, fate: (index: number) => MessageFate, opens: (index: number) => OpenFate) {
    this.feed = feed;
    this.fate = fate;
    this.opens = opens;
  }

  get last(): ModelSocket {
    const last = this.sockets.at(-1);
    if (!last) throw new Error("no socket was opened");
    return last;
  }

  readonly Socket: SocketClass = socketsOf(this);
}

function socketsOf(server: SocketEndpoint): SocketClass {
  return class extends ModelSocket {
    constructor(url: string, protocols: string[]) {
      super(server, url, protocols);
    }
  };
}

/** A token with characters that a subprotocol may not have is offered in another form. */
function offeredToken(protocols: readonly string[]): string | undefined {
  const offered = protocols.find((protocol) => protocol.startsWith("bearer."))?.slice("bearer.".length);
  const packed = offered?.startsWith("base64url.") && offered.slice("base64url.".length);
  return packed ? atob(packed.replaceAll("-", "+").replaceAll("_", "/")) : offered;
}

/** One socket, both ends of it. What is on its way stays in order. */
export class ModelSocket {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly texts: string[] = [];
  readyState = 0;
  bufferedAmount = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #server: SocketEndpoint;
  readonly #index: number;
  #principal: string;
  #inFlight = 0;
  /** The server's end is dead: what comes now is lost. */
  #isCut = false;
  #hangs = false;
  /** Milliseconds by which what is on its way comes later than it should. */
  #late = 0;

  constructor(server: SocketEndpoint, url: string, protocols: readonly string[]) {
    this.#server = server;
    this.url = url;
    this.protocols = protocols;
    this.#index = server.sockets.push(this) - 1;
    this.#principal = principalOf(offeredToken(protocols));
    const fate = server.opens(this.#index);
    if (fate === "refused") setTimeout(() => this.end(1006), WAY);
    if (fate === "open") setTimeout(() => this.#open(), WAY);
  }

  /** Whether the client has given it up. */
  get isLeft(): boolean {
    return this.onmessage === null;
  }

  // The client's end.

  send(text: string): void {
    this.texts.push(text);
    if (this.readyState !== 1) return;
    const message: { type?: string; id?: number; idempotencyKey?: string; updates?: [] } =
      text === "ping" ? { type: "ping" } : JSON.parse(text);
    if (message.type === "publish") this.#server.mostInFlight = Math.max(this.#server.mostInFlight, ++this.#inFlight);
    setTimeout(() => this.#arrive(message), WAY);
  }

  close(): void {
    this.readyState = 3;
    this.#isCut ||= this.#late === 0;
  }

  // The server's end.

  say(message: object | string): void {
    const data = typeof message === "string" ? message : JSON.stringify(message);
    setTimeout(() => this.readyState === 1 && this.onmessage?.({ data }), WAY);
  }

  end(code: number, reason = ""): void {
    this.#isCut ||= this.#late === 0;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  #open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
    const { epoch, applied } = this.#server.feed;
    this.say({ type: "hello", protocol: "tickertape.v1", feed: "stocks", epoch, seq: applied.length });
  }

  #arrive(message: { type?: string; id?: number; idempotencyKey?: string; updates?: [] }): void {
    if (this.#isCut || this.#hangs) return;
    if (this.#late > 0) {
      const late = this.#late;
      setTimeout(() => this.#publish(message), late);
      return;
    }
    if (message.type === "ping") this.say("pong");
    else if (message.type === "publish") this.#meet(message, this.#server.fate(this.#server.seen.length));
  }

  #meet(message: { id?: number; idempotencyKey?: string; updates?: [] }, fate: MessageFate): void {
    const { id = -1, idempotencyKey: key = "", updates } = message;
    this.#server.seen.push({ at: Date.now(), socket: this.#index, id, key, updates: JSON.stringify(updates) });
    this.#inFlight--;
    if (fate === "cut") this.end(1006);
    else if (fate === "hang") this.#hangs = true;
    else if (fate === "unanswered") this.#publish(message);
    else if (fate === "accept") this.say({ id, ...this.#publish(message) });
    else if (fate === "receipt lost") {
      this.#publish(message);
      this.end(1006);
    } else if ("cutAndLate" in fate) {
      this.#late = fate.cutAndLate;
      setTimeout(() => this.#publish(message), this.#late);
      this.end(1006);
    } else if ("close" in fate) {
      this.#isCut = true;
      // Behind what it has said before.
      setTimeout(() => this.readyState === 1 && this.end(fate.close, "closed by the server"), WAY);
    } else if ("unknown" in fate) {
      if (fate.unknown === "applied") this.#publish(message);
      this.say({ type: "error", id, code: "outcome_unknown", message: "the feed broke off", retryAfter: 1 });
    } else this.say({ type: "error", id, message: "not now", ...fate });
  }

  #publish({ idempotencyKey = "", updates = [] }: { idempotencyKey?: string; updates?: [] }): object {
    const answer = this.#server.feed.publish(this.#principal, idempotencyKey, updates);
    if (!("receipt" in answer)) {
      const { code, detail: message, issues } = answer;
      return { type: "error", code, message, issues };
    }
    const { feed: _, ...receipt } = answer.receipt;
    return { type: "receipt", ...receipt, ...(answer.replayed && { replayed: true }) };
  }
}
