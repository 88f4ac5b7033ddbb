import { View } from "../../support/view.ts";
import { differenceBetween, type ShownFeed } from "../hostile/agreement.ts";
import { clock, pause } from "./clock.ts";
import { RawSubscriber, type SubscribeEndpoint } from "./raw-subscriber.ts";

/** Milliseconds that it may take to converge. */
const LONGEST_CATCH_UP = 30_000;

export interface CaughtUp {
  /** 1 if its view equals the feed's in the end. */
  readonly converged: number;
  /** The code that the server had closed it with; 0 if it had not. */
  readonly closed: number;
  /** Bytes received after it began to read again. */
  readonly bytes: number;
  readonly milliseconds: number;
}

/** A client that follows a feed, stops reading, and reads again. */
export class StuckReader {
  readonly #endpoint: SubscribeEndpoint;
  readonly #view = new View();
  #bytes = 0;
  #subscriber: RawSubscriber | undefined;

  private constructor(endpoint: SubscribeEndpoint) {
    this.#endpoint = endpoint;
  }

  static async open(endpoint: SubscribeEndpoint): Promise<StuckReader> {
    const reader = new StuckReader(endpoint);
    await reader.#connect();
    return reader;
  }

  stop(): void {
    this.#subscriber?.stopReading();
  }

  /**
   * Reads again, reconnects if the server had closed it, and compares its view with the feed, which is quiet by now.
   */
  async catchUp(): Promise<CaughtUp> {
    this.#bytes = 0;
    const start = clock();
    this.#subscriber?.readAgain();
    let closed = 0;
    const comeBack = async (milliseconds: number): Promise<void> => {
      if (this.#subscriber?.closed === true) {
        // 1: closed without a code.
        closed = this.#subscriber.closeCode ?? 1;
        await this.#connect();
      }
      await pause(milliseconds);
    };
    const time = { now: clock, pause: comeBack };
    const difference = await differenceBetween(this.#view, () => this.#feed(), start + LONGEST_CATCH_UP, time);
    if (this.#view.faults[0] !== undefined) throw new Error(this.#view.faults[0]);
    return { converged: Number(difference === undefined), closed, bytes: this.#bytes, milliseconds: clock() - start };
  }

  close(): void {
    this.#subscriber?.close();
  }

  async #connect(): Promise<void> {
    const { since } = this.#view;
    const path = since === undefined ? this.#endpoint.path : `${this.#endpoint.path}?since=${since}`;
    this.#subscriber = await RawSubscriber.open({ ...this.#endpoint, path }, (buffer, start, end) => {
      this.#bytes += end - start;
      this.#view.receive(buffer.toString("utf8", start, end));
      // They are not needed, and there will be very many.
      this.#view.messages.length = 0;
    });
  }

  async #feed(): Promise<ShownFeed> {
    const response = await fetch(`http://127.0.0.1:${this.#endpoint.port}${this.#endpoint.path}`);
    return (await response.json()) as ShownFeed;
  }
}
