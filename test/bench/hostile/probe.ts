import { clock, pause } from "../load/clock.ts";
import { Publisher, type Posted } from "../load/publisher.ts";
import { percentile } from "../statistics.ts";
import { honestEndpoint, type HostileTarget } from "./target.ts";

/** Milliseconds from when a publish was due to its receipt. */
export interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
  /** The statuses of publishes without a receipt; 0 where a connection broke. */
  readonly refusals: readonly number[];
}

/** Makes the n-th update. */
export type MakeUpdate = (n: number) => string;

const ONE_KEY: MakeUpdate = (n) => `{"key":"probe","set":{"n":${n}}}`;

/** An honest publisher: one small update after the other at a steady pace, whatever becomes of them. */
export class Probe {
  readonly #publisher: Publisher;
  readonly #done: Posted[] = [];
  readonly #running: Promise<unknown>;
  #stopped = false;

  private constructor(target: HostileTarget, rate: number, make: MakeUpdate) {
    this.#publisher = new Publisher(honestEndpoint(target), (i) => ({ body: make(i + 1) }), true);
    this.#running = this.#publisher.publish({ rate }, Infinity, () => this.#stopped, this.#done);
  }

  static start(target: HostileTarget, rate = 50, make = ONE_KEY): Probe {
    return new Probe(target, rate, make);
  }

  /** The waits of the publishes that were due since then. One without an answer has waited until now. */
  since(start: number): Waits {
    const now = clock();
    const done = this.#done.filter(({ due }) => due >= start);
    const open = Array.from(this.#publisher.open).filter(({ due }) => due >= start);
    const waits = [...done.map(({ took }) => took), ...open.map(({ due }) => now - due)];
    return {
      p50: percentile(waits, 0.5),
      p99: percentile(waits, 0.99),
      max: Math.max(0, ...waits),
      count: waits.length,
      refusals: done.map(({ status }) => status).filter((status) => status !== 200),
    };
  }

  /** Watches for this long. */
  async watch(milliseconds: number): Promise<Waits> {
    const start = clock();
    await pause(milliseconds);
    return this.since(start);
  }

  /** Resolves when every publish is answered, or after this long. */
  async waitUntilCalm(milliseconds: number): Promise<void> {
    const end = clock() + milliseconds;
    const isLate = (): boolean => [...this.#publisher.open].some(({ due }) => due < clock() - 50);
    while (isLate() && clock() < end) await pause(5);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.#publisher.close();
  }
}
