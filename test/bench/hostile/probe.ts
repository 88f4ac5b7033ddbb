import { clock, pause } from "../load/clock.ts";
import { PublishConnection } from "../load/publish-connection.ts";
import { percentile } from "../statistics.ts";
import { cameFrom, HONEST_ADDRESS, HONEST_KEY, pathOf, type HostileTarget } from "./target.ts";

/** Milliseconds from when a publish was due to its receipt. */
export interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
  /** The statuses of publishes without a receipt; 0 where a connection broke. */
  readonly refusals: readonly number[];
}

/** Most unanswered publishes at a time. Beyond it, a publish that is due is counted with the one before. */
const MOST_CONNECTIONS = 200;

/** Makes the n-th update. */
export type MakeUpdate = (n: number) => string;

const ONE_KEY: MakeUpdate = (n) => `{"key":"probe","set":{"n":${n}}}`;

/** An honest publisher: one small update after the other at a steady pace, whatever becomes of them. */
export class Probe {
  readonly #target: HostileTarget;
  readonly #every: number;
  readonly #make: MakeUpdate;
  readonly #done: { due: number; took: number; status: number }[] = [];
  readonly #open = new Set<number>();
  readonly #free: PublishConnection[] = [];
  readonly #connections = new Set<PublishConnection>();
  #stopped = false;
  #count = 0;
  readonly #running: Promise<void>;

  private constructor(target: HostileTarget, rate: number, make: MakeUpdate) {
    this.#target = target;
    this.#make = make;
    this.#every = 1000 / rate;
    this.#running = this.#run();
  }

  static start(target: HostileTarget, rate = 50, make = ONE_KEY): Probe {
    return new Probe(target, rate, make);
  }

  /** The waits of the publishes that were due since then. One without an answer has waited until now. */
  since(start: number): Waits {
    const now = clock();
    const done = this.#done.filter(({ due }) => due >= start);
    const open = Array.from(this.#open).filter((due) => due >= start);
    const waits = [...done.map(({ took }) => took), ...open.map((due) => now - due)];
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
    const isLate = (): boolean => Math.min(...this.#open) < clock() - 50;
    while (isLate() && clock() < end) await pause(5);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const connection of this.#connections) connection.close();
  }

  async #run(): Promise<void> {
    for (let due = clock(); !this.#stopped; due += this.#every) {
      while (clock() < due) await pause(Math.max(1, due - clock()));
      if (this.#open.size < MOST_CONNECTIONS) void this.#post(due);
    }
  }

  async #post(due: number): Promise<void> {
    // Two publishes that are due at the same moment would count as one.
    while (this.#open.has(due)) due += 0.001;
    this.#open.add(due);
    let status = 0;
    try {
      const connection = await this.#connection();
      status = await connection.post(this.#make(++this.#count));
      this.#free.push(connection);
    } catch {
      // A broken connection counts as a refused publish.
    }
    // `stop` closed it: no answer was to come.
    if (this.#stopped && status === 0) return;
    this.#open.delete(due);
    this.#done.push({ due, took: clock() - due, status });
  }

  async #connection(): Promise<PublishConnection> {
    for (let connection = this.#free.pop(); connection; connection = this.#free.pop()) {
      if (connection.isUsable) return connection;
      connection.close();
      this.#connections.delete(connection);
    }
    const headers = { Authorization: `Bearer ${HONEST_KEY}`, ...cameFrom(HONEST_ADDRESS) };
    const connection = await PublishConnection.open({ port: this.#target.port, path: pathOf(this.#target), headers });
    this.#connections.add(connection);
    return connection;
  }
}
