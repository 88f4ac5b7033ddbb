import { WebSocket } from "ws";
import { until } from "./until.ts";
import { View } from "../../support/view.ts";

/** A plain WebSocket client that comes back by itself, and asks for what it missed. */
export class Subscriber {
  readonly view = new View();
  /** How often a connection was opened. */
  connected = 0;
  /** From the opening of a connection until its end, all that came over it being read. */
  isConnected = false;
  readonly #headers: Readonly<Record<string, string>>;
  #address: () => string;
  #socket: WebSocket;
  #closed = false;

  /** `url` is the feed's, `query` without `since`, such as `keys=A`. */
  constructor(url: string, query = "", headers: Readonly<Record<string, string>> = {}) {
    this.#headers = headers;
    this.#address = () => feedAddress(url, this.view, query);
    this.#socket = this.#connect();
  }

  /** Waits until the view stands at `seq` or after. */
  async reaches(seq: number): Promise<void> {
    const { view } = this;
    await until(
      () => (view.position?.seq ?? -1) >= seq,
      () => `seq ${seq}; it stands at ${view.since}, last message ${JSON.stringify(view.messages.at(-1))}`,
    );
  }

  close(): void {
    this.#closed = true;
    this.#socket.close();
  }

  #connect(): WebSocket {
    const socket = new WebSocket(this.#address(), { headers: this.#headers });
    socket.on("open", () => {
      this.connected++;
      this.isConnected = true;
    });
    socket.addEventListener("message", ({ data }) => this.view.receive(data));
    // A failed connection is closed too, and that is where it is dealt with.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isConnected = false;
      if (!this.#closed) setTimeout(() => (this.#socket = this.#closed ? socket : this.#connect()), 25);
    });
    return socket;
  }
}

/** Where a client connects to go on from what its view has. */
export function feedAddress(url: string, view: View, query = ""): string {
  const address = new URL(url.replace(/^http/, "ws"));
  for (const [name, value] of new URLSearchParams(query)) address.searchParams.set(name, value);
  if (view.since !== undefined) address.searchParams.set("since", view.since);
  return address.href;
}
