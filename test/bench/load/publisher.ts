import { clock, pause } from "./clock.ts";
import { Lane, type PublishEndpoint } from "./lane.ts";

/** What is posted; `i` counts the POSTs of one publisher. */
export interface Post {
  readonly body: string;
  readonly idempotencyKey?: string | undefined;
}

export interface Published {
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

/** With a server that is slower than the rate, POSTs wait for one of these, and their waiting counts as latency. */
const MOST_LANES = 128;

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
    const start = clock();
    const end = start + seconds * 1000;
    if ("rate" in load) await this.#paced(load.rate, start, end, latencies, tally, isEnough);
    else {
      const loops = Array.from({ length: load.inFlight }, async () => {
        while (clock() < end && !isEnough()) await this.#post(clock(), latencies, tally);
      });
      await Promise.all(loops);
    }
    return { posts: latencies.length, refused: tally.refused, latencies, seconds: (clock() - start) / 1000 };
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
  ): Promise<void> {
    const open = new Set<Promise<void>>();
    const failures: unknown[] = [];
    // A server that cannot keep up gets twice the time, and its figures then show a lower rate.
    const latest = 2 * end - start;
    for (let due = start; due < end && clock() < latest && !isEnough(); due += 1000 / rate) {
      while (clock() < due) await pause(Math.max(1, due - clock()));
      if (this.#free.length === 0 && open.size >= MOST_LANES) await Promise.race(open);
      if (failures.length > 0) break;
      // Counted from when it was due: a server that stalls may not hide the POSTs that it kept waiting.
      const posted = this.#post(due, latencies, tally)
        .catch((error: unknown) => void failures.push(error))
        .finally(() => open.delete(posted));
      open.add(posted);
    }
    await Promise.all(open);
    if (failures.length > 0) throw failures[0];
  }

  async #post(since: number, latencies: number[], tally: { refused: number }): Promise<void> {
    let lane = this.#free.pop();
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
