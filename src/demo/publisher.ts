import { post, type Outcome } from "./post.ts";
import type { Random } from "./random.ts";
import { joinByKey, type Update } from "./update.ts";

/** The most updates that one POST may carry. */
export const BATCH_MAX = 1_000;
/** Full jitter: a wait is drawn from 0 up to a ceiling that doubles with every failure (milliseconds). */
const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 10_000;

/** Where to publish. `url` is the feed's own, `…/v1/feeds/{feed}`. */
export interface Destination {
  url: string;
  key: string | undefined;
}

/** The platform, passed in so that tests need no network and no waiting. */
export interface Platform {
  fetch: typeof globalThis.fetch;
  /** Milliseconds since 1970. */
  now: () => number;
  random: Random;
  /** Ends after `ms`, or early (without an error) when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** A new Idempotency-Key, unlike any other of any publisher: never from a seeded generator. */
  newKey: () => string;
}

export interface Events {
  /** The server can't be reached or takes nothing now; told once, until `back`. */
  away?: (reason: string) => void;
  back?: () => void;
  /** The feed was reset: it has lost what was published before. */
  reset?: () => void;
}

/** How publishing ended: all of it delivered, given up on a signal, or refused for good. */
export type Ending =
  | { type: "delivered" }
  | { type: "stopped"; undelivered: number }
  | { type: "refused"; reason: string };

/**
 * Publishes updates to one feed in their order, one POST at a time. Each batch is tried until it is acknowledged, always
 * with the same body and Idempotency-Key, so none is lost and none is applied twice. What comes in meanwhile waits; more
 * than fits one batch is merged to the latest of each key, so memory is bounded however long the server is away.
 */
export class Publisher {
  readonly #destination: Destination;
  readonly #platform: Platform;
  readonly #events: Events;
  #waiting: Update[] = [];
  #closed = false;
  #wake: () => void = () => {};
  #epoch: string | undefined;

  constructor(destination: Destination, platform: Platform, events: Events = {}) {
    this.#destination = destination;
    this.#platform = platform;
    this.#events = events;
  }

  add(updates: readonly Update[]): void {
    this.#waiting = this.#waiting.concat(updates);
    if (this.#waiting.length > BATCH_MAX) this.#waiting = joinByKey(this.#waiting);
    this.#wake();
  }

  /** Lets `run` end as soon as all that was added is delivered. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** Delivers what is added, until closed, refused or told to stop. Call it once. */
  async run(signal: AbortSignal): Promise<Ending> {
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    for (;;) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      if (signal.aborted) return { type: "stopped", undelivered: batch.length + this.#waiting.length };
      if (batch.length > 0) {
        const outcome = await this.#deliver(batch, signal);
        if (outcome.type === "refused") return outcome;
        if (outcome.type === "accepted") this.#accepted(outcome.epoch);
        else return { type: "stopped", undelivered: batch.length + this.#waiting.length };
      } else if (this.#closed) return { type: "delivered" };
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The first outcome that another attempt would not change; `retry` only when told to stop. */
  async #deliver(batch: readonly Update[], signal: AbortSignal): Promise<Outcome> {
    const { fetch, now, random, sleep, newKey } = this.#platform;
    const request = {
      ...this.#destination,
      idempotencyKey: newKey(),
      body: JSON.stringify(batch),
      signal,
    };
    let away = false;
    for (let ceiling = BACKOFF_FIRST_MS; ; ceiling = Math.min(2 * ceiling, BACKOFF_MAX_MS)) {
      const outcome = await post(fetch, now, request);
      if (outcome.type !== "retry" || signal.aborted) {
        if (away && outcome.type === "accepted") this.#events.back?.();
        return outcome;
      }
      if (!away) this.#events.away?.(outcome.reason);
      away = true;
      await sleep(outcome.afterMs + random() * ceiling, signal);
      if (signal.aborted) return outcome;
    }
  }

  #accepted(epoch: string): void {
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.#events.reset?.();
    this.#epoch = epoch;
  }
}
