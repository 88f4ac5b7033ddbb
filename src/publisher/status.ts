import { Listeners } from "./listeners.ts";
import type { PublisherStatus, Transport } from "./types.ts";

/** A publisher's status and its listeners. */
export class StatusNotifier {
  #current: PublisherStatus;
  readonly listeners = new Listeners<[status: PublisherStatus]>();

  constructor(transport: Transport) {
    this.#current = { state: "delivering", transport };
  }

  get current(): PublisherStatus {
    return this.#current;
  }

  delivering(transport: Transport): void {
    const { current } = this;
    if (current.state !== "delivering" || current.transport !== transport)
      this.#set({ state: "delivering", transport });
  }

  away(reason: string, retryAt: number): void {
    const since = this.#current.state === "away" ? this.#current.since : Date.now();
    this.#set({ state: "away", reason, since, retryAt });
  }

  closed(reason: string): void {
    if (this.#current.state !== "closed") this.#set({ state: "closed", reason });
  }

  #set(status: PublisherStatus): void {
    this.#current = status;
    this.listeners.call(status);
  }
}
