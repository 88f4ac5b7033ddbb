import { clock, pause } from "./clock.ts";
import { PublishConnection, type PublishEndpoint, type PublishLine } from "./publish-connection.ts";
import { PublishSocket } from "./publish-socket.ts";

/** The body of a POST; `i` counts the POSTs of one publisher. */
export interface Post {
  readonly body: string;
  readonly idempotencyKey?: string | undefined;
}

/** A POST that was answered, or whose connection broke. */
export interface Posted {
  /** When it was due, and how long it took from then on, in milliseconds. */
  readonly due: number;
  readonly took: number;
  /** 0 where the connection broke. */
  readonly status: number;
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
  /** The POSTs that are not answered yet, and when they were due. */
  readonly open = new Set<{ readonly due: number }>();
  readonly #endpoint: PublishEndpoint;
  readonly #make: (i: number) => Post;
  readonly #free: PublishLine[] = [];
  readonly #all = new Set<PublishLine>();
  /** The one that all publishes share, if they go over a socket. */
  #socket: Promise<PublishLine> | undefined;
  /** Whether a broken connection is one more answer. Else it ends the publishing. */
  readonly #isPatient: boolean;
  #failure: unknown;
  #count = 0;

  constructor(endpoint: PublishEndpoint, make: (i: number) => Post, isPatient = false) {
    this.#endpoint = endpoint;
    this.#make = make;
    this.#isPatient = isPatient;
  }

  /** Publishes for this many seconds, or until `isEnough`. What was answered is added to `done`. */
  async publish(load: Load, seconds: number, isEnough = (): boolean => false, done: Posted[] = []): Promise<Published> {
    const start = clock();
    const end = start + seconds * 1000;
    const isOver = (now: number): boolean => now >= end || isEnough() || this.#failure !== undefined;
    let offered: number | undefined;
    if ("rate" in load) offered = await this.#paced(load.rate, start, isOver, done);
    else {
      const loops = Array.from({ length: load.inFlight }, async () => {
        while (!isOver(clock())) await this.#post(clock(), done);
      });
      await Promise.all(loops);
    }
    if (this.#failure !== undefined) throw this.#failure;
    return {
      offered: offered ?? done.length,
      posts: done.length,
      refused: done.filter(({ status }) => status < 200 || status > 299).length,
      latencies: done.map(({ took }) => took),
      seconds: (clock() - start) / 1000,
    };
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }

  async #paced(rate: number, start: number, isOver: (now: number) => boolean, done: Posted[]): Promise<number> {
    const answers = new Set<Promise<void>>();
    let offered = 0;
    // Latency counts from when the POST was due, so that a stalled server cannot hide the POSTs that it delayed.
    for (let due = start; !isOver(due); due += 1000 / rate) {
      while (clock() < due) await pause(Math.max(1, due - clock()));
      offered++;
      if (answers.size >= MOST_CONNECTIONS) continue;
      const answered = this.#post(due, done).finally(() => answers.delete(answered));
      answers.add(answered);
    }
    await Promise.race([Promise.all(answers), pause(LONGEST_WAIT * 1000)]);
    return offered;
  }

  /** Never rejects. */
  async #post(due: number, done: Posted[]): Promise<void> {
    const waiting = { due };
    this.open.add(waiting);
    let status = 0;
    try {
      const connection = await this.#connection();
      const { body, idempotencyKey } = this.#make(this.#count++);
      status = await connection.publish(body, idempotencyKey);
      if (!this.#socket) this.#free.push(connection);
    } catch (error) {
      if (!this.#isPatient) this.#failure ??= error;
    }
    this.open.delete(waiting);
    done.push({ due, took: clock() - due, status });
  }

  async #connection(): Promise<PublishLine> {
    if (this.#endpoint.isSocket === true) return this.#sharedSocket();
    for (let connection = this.#free.pop(); connection; connection = this.#free.pop()) {
      if (connection.isUsable) return connection;
      connection.close();
      this.#all.delete(connection);
    }
    const connection = await PublishConnection.open(this.#endpoint);
    this.#all.add(connection);
    return connection;
  }

  #sharedSocket(): Promise<PublishLine> {
    this.#socket ??= PublishSocket.open(this.#endpoint).then((socket) => {
      this.#all.add(socket);
      return socket;
    });
    return this.#socket;
  }
}
