import { join } from "node:path";
import { Child } from "../load/child.ts";
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
  readonly #child = new Child<ReadersRequest, ReadersReply>(join(import.meta.dirname, "honest-process.ts"));

  private constructor() {}

  static async open(target: HostileTarget, readers: readonly ReaderSpec[]): Promise<HonestReaders> {
    const opened = new HonestReaders();
    await opened.#child.ask({ type: "begin", target, readers });
    return opened;
  }

  look(): Promise<ReadersReply> {
    return this.#child.ask({ type: "look" });
  }

  finish(): Promise<ReadersReply> {
    return this.#child.ask({ type: "finish" });
  }

  close(): Promise<void> {
    return this.#child.end();
  }
}
