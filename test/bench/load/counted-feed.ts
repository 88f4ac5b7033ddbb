import type { StorageCounts } from "../counting/counts.ts";
import { publishEndpoint } from "../targets/tickertape.ts";
import { PublishConnection } from "./publish-connection.ts";
import { fill } from "./fill.ts";

/** A feed on the counting Worker. */
export class CountedFeed {
  readonly #port: number;
  readonly #feed: string;
  readonly #connection: PublishConnection;

  private constructor(port: number, feed: string, connection: PublishConnection) {
    this.#port = port;
    this.#feed = feed;
    this.#connection = connection;
  }

  static async open(port: number, feed: string): Promise<CountedFeed> {
    return new CountedFeed(port, feed, await PublishConnection.open(publishEndpoint(port, feed)));
  }

  async counts(): Promise<StorageCounts> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/counts/${this.#feed}`);
    if (!response.ok) throw new Error(`counts answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as StorageCounts;
  }

  /** Publishes `keys` keys, each once. */
  async fill(keys: number, valueBytes: number): Promise<void> {
    await fill(publishEndpoint(this.#port, this.#feed), keys, valueBytes);
  }

  async post(body: string): Promise<void> {
    const status = await this.#connection.post(body);
    if (status !== 200) throw new Error(`a POST answered ${status}`);
  }

  close(): void {
    this.#connection.close();
  }
}
