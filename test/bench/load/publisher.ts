import { clock, pause } from "./clock.ts";
import { Lane, type PublishEndpoint } from "./lane.ts";

/** What is posted; `i` counts the POSTs of one publisher. */
export interface Post {
  readonly body: string;
  readonly idempotencyKey?: string | undefined;
}

export interface Published {
  /** POSTs that were to be made; at a fixed rate, more than could be where the server falls behind. */
  readonly offered: number;
  /** POSTs answered. */
  readonly posts: number;
  /** POSTs answered by anything but 2xx. */
  readonly refused: number;
  /** How long each POST took, in milliseconds. */
  readonly latencies: readonly number[];
  /** From the first POST to the last answer. */
  readonly seconds: number;
}

/** `inFlight`: each connection posts again when it has its receipt. `rate`: so many POSTs a second, come what may. */
export type Load = { readonly inFlight: number } | { readonly rate: number };

/**
 * At a fixed rate a POST never waits for the receipt of another. With so many unanswered the server is behind for good,
 * and what would come on top is given up: it counts as offered and not as delivered.
 */
const MOST_LANES = 256;
/** Seconds to wait for the last receipts; a server that is further behind owes them. */
const LONGEST_WAIT = 3;

/** Posts to one server until it is closed. */
export class Publisher {
  readonly #endpoint: PublishEndpoint;
  readonly #make: (i: number) => Post;
  readonly #free: Lane[] = [];
  readonly #all: Lane[] = [];
  #count = 0;

  constructor(endpoint: PublishEndpoint, make: (i: number) => Post) {
    this.#endpoint = endpoint;
    this.#make = make;
  }

  /** Publishes for so many seconds, or until `isEnough`. */
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
    for (const lane of this.#all) lane.close();
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
      if (open.size >= MOST_LANES) continue;
      // Counted from when it was due: a server that stalls may not hide the POSTs that it kept waiting.
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
    let lane = this.#free.pop();
    while (lane && !lane.isUsable) {
      lane.close();
      lane = this.#free.pop();
    }
    if (!lane) {
      lane = await Lane.open(this.#endpoint);
      this.#all.push(lane);
    }
    const { body, idempotencyKey } = this.#make(this.#count++);
    const status = await lane.post(body, idempotencyKey);
    latencies.push(clock() - since);
    if (status < 200 || status > 299) tally.refused++;
    this.#free.push(lane);
  }
}
