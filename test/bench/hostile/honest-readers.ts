import { createParser } from "eventsource-parser";
import { WebSocket } from "ws";
import { View, type Message } from "../../support/view.ts";
import { clock, pause } from "../load/clock.ts";
import { differenceBetween, type ShownFeed } from "./agreement.ts";
import { begin, read, watchUpgrade } from "./http.ts";
import { cameFrom, HONEST_ADDRESS, pathOf, type HostileTarget } from "./target.ts";

/** Milliseconds before a reader that lost its connection comes back. */
const COME_BACK = 300;

export type Transport = "socket" | "stream" | "poll";

/** A client that behaves: it follows a feed, and resumes after a cut. */
export class HonestReader {
  readonly name: string;
  /** Milliseconds from making an update to its arrival, for the updates that carry the time at which they were made. */
  readonly latencies: number[] = [];
  /** How often the connection was lost. */
  lost = 0;
  readonly #target: HostileTarget;
  readonly #query: string;
  readonly #view = new View();
  readonly #over = new AbortController();

  constructor(target: HostileTarget, transport: Transport, query: string) {
    this.name = `${transport} ${query}`;
    this.#target = target;
    this.#query = query;
    void this.#follow(transport);
  }

  /** What went wrong on the way. */
  get faults(): string[] {
    return this.#view.faults.map((fault) => `${this.name}: ${fault}`);
  }

  /** Compares the view with the feed until both agree at one position. Returns what differs, or undefined. */
  async difference(until: number): Promise<string | undefined> {
    const selection = new URLSearchParams(this.#query);
    for (const name of ["mode", "hz"]) selection.delete(name);
    const path = `${pathOf(this.#target)}?${selection.toString()}`;
    const found = await differenceBetween(this.#view, () => read<ShownFeed>(this.#target, { path }), until);
    return found && `${this.name}: ${found}`;
  }

  end(): void {
    this.#over.abort();
  }

  async #follow(transport: Transport): Promise<void> {
    while (!this.#over.signal.aborted) {
      if (transport === "socket") await this.#socket();
      else if (transport === "stream") await this.#stream();
      else await this.#poll();
      if (this.#over.signal.aborted) return;
      this.lost++;
      await pause(COME_BACK);
    }
  }

  #take(message: Message): void {
    const now = clock();
    if (message.type === "update") {
      for (const update of message.updates ?? []) {
        const at = "set" in update ? update.set["at"] : undefined;
        if (typeof at === "number") this.latencies.push(now - at / 1_000);
      }
    }
    this.#view.receive(message);
    // They are not needed, and there will be very many.
    this.#view.messages.length = 0;
  }

  get #path(): string {
    const since = this.#view.since;
    return `${pathOf(this.#target)}?${this.#query}${since === undefined ? "" : `&since=${since}`}`;
  }

  #socket(): Promise<void> {
    const url = `ws://127.0.0.1:${this.#target.port}${this.#path}`;
    const socket = new WebSocket(url, { perMessageDeflate: false, headers: cameFrom(HONEST_ADDRESS) });
    socket.on("message", (data: Buffer) => this.#take(JSON.parse(data.toString())));
    // A close follows.
    socket.on("error", () => {});
    watchUpgrade(socket);
    this.#over.signal.addEventListener("abort", () => socket.terminate());
    return new Promise((resolve) => socket.on("close", () => resolve()));
  }

  async #stream(): Promise<void> {
    const headers = { ...cameFrom(HONEST_ADDRESS), Accept: "text/event-stream" };
    const response = await begin(this.#target, { path: this.#path, headers });
    if (response?.statusCode !== 200) return void response?.resume();
    this.#over.signal.addEventListener("abort", () => response.destroy());
    const parser = createParser({ onEvent: ({ data }) => this.#take(JSON.parse(data)) });
    try {
      for await (const chunk of response.setEncoding("utf8")) parser.feed(String(chunk));
    } catch {
      // The connection broke.
    }
  }

  async #poll(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const first = this.#view.position === undefined;
      const path = first ? this.#path : `${this.#path}&wait=10`;
      const response = await begin(this.#target, { path, headers: cameFrom(HONEST_ADDRESS) });
      const chunks: Buffer[] = [];
      try {
        if (response) for await (const chunk of response) chunks.push(chunk);
      } catch {
        return;
      }
      if (response?.statusCode === 204) continue;
      if (response?.statusCode !== 200) return;
      const answer: Message = JSON.parse(Buffer.concat(chunks).toString());
      this.#take(first ? { ...answer, type: "snapshot" } : answer);
    }
  }
}
