import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Transport } from "./honest-readers.ts";
import type { HostileTarget } from "./target.ts";

export interface ReaderSpec {
  readonly transport: Transport;
  readonly query: string;
}

export type ReadersRequest =
  | { readonly type: "begin"; readonly target: HostileTarget; readonly readers: readonly ReaderSpec[] }
  /** Send `finish` after the last attack has ended. */
  | { readonly type: "look" | "finish" };

/** Latencies, in milliseconds from making an update. */
export interface ReadersReply {
  /** Views that are not the feed's, and what else went wrong. */
  readonly faults: readonly string[];
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly count: number;
  /** How often the server gave an answer that no server may give. */
  readonly uncaught: Readonly<Record<string, number>>;
  /** How often each reader lost its connection. */
  readonly lost: Readonly<Record<string, number>>;
  /** The p99 of each reader. */
  readonly each: Readonly<Record<string, number>>;
}

/** Honest readers in a process of their own. */
export class HonestReaders {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async open(target: HostileTarget, readers: readonly ReaderSpec[]): Promise<HonestReaders> {
    const opened = new HonestReaders(fork(join(import.meta.dirname, "honest-process.ts"), { execArgv: [] }));
    await opened.#ask({ type: "begin", target, readers });
    return opened;
  }

  look(): Promise<ReadersReply> {
    return this.#ask({ type: "look" });
  }

  finish(): Promise<ReadersReply> {
    return this.#ask({ type: "finish" });
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  async #ask(request: ReadersRequest): Promise<ReadersReply> {
    const replied = once(this.#process, "message");
    this.#process.send(request);
    const [reply]: ReadersReply[] = await replied;
    if (!reply) throw new Error("the readers did not reply");
    return reply;
  }
}
