import { clock, pause } from "./clock.ts";
import { PublishConnection, type PublishEndpoint } from "./publish-connection.ts";

/** The body of a POST; `i` counts the POSTs of one publisher. */
export interface Post {
  readonly body: string;
  readonly idempotencyKey?: string | undefined;
}

export interface Published {
  /** POSTs that were due. At a fixed rate these are more than the POSTs made if the server falls behind. */
  readonly offered: number;
  /** POSTs answered. */
  readonly posts: number;
  /** POSTs with an answer other than 2xx. */
  readonly refused: number;
  /** How long each POST took, in milliseconds. */
  readonly latencies: readonly number[];
  /** Seconds from the first POST to the last answer. */
  readonly seconds: number;
}

/**
 * `inFlight`: each connection posts again when it has its receipt. `rate`: POSTs a second, whatever the server does.
 */
export type Load = { readonly inFlight: number } | { readonly rate: number };

/**
 * At a fixed rate no POST waits for the receipt of another. With this many unanswered POSTs the server is behind for
 * good: further POSTs are given up, and count as offered but not delivered.
 */
const MOST_CONNECTIONS = 256;
/** Seconds to wait for the last receipts. What is missing after that counts as lost. */
const LONGEST_WAIT = 3;

/** Posts to one server until it is closed. */
export class Publisher {
  readonly #endpoint: PublishEndpoint;
  readonly #make: (i: number) => Post;
  readonly #free: PublishConnection[] = [];
  readonly #all: PublishConnection[] = [];
  #count = 0;

  constructor(endpoint: PublishEndpoint, make: (i: number) => Post) {
    this.#endpoint = endpoint;
    this.#make = make;
  }

  /** Publishes for this many seconds, or until `isEnough`. */
  async publish(load: Load, seconds: number, isEnough = (): boolean => false): Promise<Published> {
    const latencies: number[] = [];
    const tally = { refused: 0 };
    let offered: number | undefined;
    const start = clock();
    const end = start + seconds * 1000;
    if ("rate" in load) offered = await this.#paced(load.rate, start, end, latencies, tally, isEnough);
    else {
      const loops = Array.from({ length: load.inFlight }, async () => {
        while (clock() < end && !isEnough()) await this.#post(clock(), latencies, tally);
      });
      await Promise.all(loops);
    }
    return {
      offered: offered ?? latencies.length,
      posts: latencies.length,
      refused: tally.refused,
      latencies,
      seconds: (clock() - start) / 1000,
    };
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  async #paced(
    rate: number,
    start: number,
    end: number,
    latencies: number[],
    tally: { refused: number },
    isEnough: () => boolean,
  ): Promise<number> {
    const open = new Set<Promise<void>>();
    const failures: unknown[] = [];
    let offered = 0;
    for (let due = start; due < end && !isEnough(); due += 1000 / rate) {
      while (clock() < due) await pause(Math.max(1, due - clock()));
      if (failures.length > 0) break;
      offered++;
      if (open.size >= MOST_CONNECTIONS) continue;
      // Latency counts from when the POST was due, so that a stalled server cannot hide the POSTs that it delayed.
      const posted = this.#post(due, latencies, tally)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => open.delete(posted));
      open.add(posted);
    }
    await Promise.race([Promise.all(open), pause(LONGEST_WAIT * 1000)]);
    if (failures.length > 0) throw failures[0];
    return offered;
  }

  async #post(since: number, latencies: number[], tally: { refused: number }): Promise<void> {
    let connection = this.#free.pop();
    while (connection && !connection.isUsable) {
      connection.close();
      connection = this.#free.pop();
    }
    if (!connection) {
      connection = await PublishConnection.open(this.#endpoint);
      this.#all.push(connection);
    }
    const { body, idempotencyKey } = this.#make(this.#count++);
    const status = await connection.post(body, idempotencyKey);
    latencies.push(clock() - since);
    if (status < 200 || status > 299) tally.refused++;
    this.#free.push(connection);
  }
}
