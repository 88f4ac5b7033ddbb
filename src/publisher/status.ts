import type { PublisherStatus, Transport } from "./types.ts";

type Listener = (status: PublisherStatus) => void;

/** A publisher's status and its listeners. */
export class StatusNotifier {
  #current: PublisherStatus;
  readonly #listeners = new Set<{ call: Listener }>();

  constructor(transport: Transport) {
    this.#current = { state: "delivering", transport };
  }

  get current(): PublisherStatus {
    return this.#current;
  }

  /** The same function added twice is called twice. */
  on(call: Listener): () => void {
    const entry = { call };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
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
    for (const entry of this.#listeners) {
      try {
        entry.call(status);
      } catch (error) {
        // It shows as an uncaught error; the other listeners are called all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
