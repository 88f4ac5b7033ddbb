import { clock, pause } from "./clock.ts";
import { RawSubscriber, type SubscribeEndpoint } from "./raw-subscriber.ts";
import { Replica } from "./replica.ts";

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
  readonly #replica = new Replica();
  #bytes = 0;
  #subscriber: RawSubscriber | undefined;
  #failure: unknown;

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
    const feed = await this.#feed();
    let closed = 0;
    while (this.#replica.seq < feed.seq && clock() < start + LONGEST_CATCH_UP && this.#failure === undefined) {
      if (this.#subscriber?.closed === true) {
        // 1: closed without a code.
        closed = this.#subscriber.closeCode ?? 1;
        await this.#connect();
      }
      await pause(10);
    }
    if (this.#failure !== undefined) throw this.#failure;
    const milliseconds = clock() - start;
    return { converged: Number(this.#replica.equals(feed.entries)), closed, bytes: this.#bytes, milliseconds };
  }

  close(): void {
    this.#subscriber?.close();
  }

  async #connect(): Promise<void> {
    const { epoch, seq } = this.#replica;
    const path = seq < 0 ? this.#endpoint.path : `${this.#endpoint.path}?since=${epoch}:${seq}`;
    this.#subscriber = await RawSubscriber.open({ ...this.#endpoint, path }, (buffer, start, end) => {
      this.#bytes += end - start;
      try {
        this.#replica.apply(buffer.toString("utf8", start, end));
      } catch (error) {
        this.#failure ??= error;
      }
    });
  }

  async #feed(): Promise<{ seq: number; entries: Record<string, unknown> }> {
    const response = await fetch(`http://127.0.0.1:${this.#endpoint.port}${this.#endpoint.path}`);
    return (await response.json()) as { seq: number; entries: Record<string, unknown> };
  }
}
