import { join } from "node:path";
import type { Lab } from "../lab.ts";
import type { LatencySamples } from "../statistics.ts";
import { Child } from "./child.ts";
import { pause } from "./clock.ts";
import type { SubscribeEndpoint } from "./raw-subscriber.ts";

export type CrowdRequest =
  | {
      readonly type: "connect";
      readonly count: number;
      readonly endpoint: SubscribeEndpoint;
      /** Each subscriber gets so little that the latency of every update is measured. */
      readonly isSparse?: boolean | undefined;
      /** The messages must be unpacked to be read: count bytes, and unpack those of a few subscribers. */
      readonly isPacked?: boolean | undefined;
    }
  | { readonly type: "storm"; readonly count: number; readonly endpoint: SubscribeEndpoint; readonly seq: number }
  | { readonly type: "begin" | "look" | "finish" };

export interface CrowdReply {
  readonly report: CrowdReport;
  readonly samples?: LatencySamples;
  readonly storm?: StormReport;
  readonly wire?: WireReport;
}

/** What all subscribers received since `begin`. */
export interface CrowdReport {
  readonly messages: number;
  readonly updates: number;
  /** Bytes of messages with updates, without frame heads. For packed messages: of all messages, with frame heads. */
  readonly bytes: number;
  /** When the first and the last update arrived, in milliseconds of the shared clock. */
  readonly first: number;
  readonly last: number;
  /** Subscribers that have lost their connection. */
  readonly closed: number;
}

/** Packed messages as they were on the wire. */
export interface WireReport {
  /** Compressed messages. */
  readonly deflated: number;
  /** Updates that one subscriber learnt of since `begin`, including those merged into others. */
  readonly covered: number;
}

/** Milliseconds from the first connection to the whole state, over all clients. */
export interface StormReport {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly bytes: number;
}

/** Milliseconds without a new message after which all have arrived. */
const QUIET = 500;
const LONGEST_DRAIN = 10_000;

/** Many subscribers in a process of their own. */
export class Crowd {
  readonly #child = new Child<CrowdRequest, CrowdReply>(join(import.meta.dirname, "crowd-process.ts"));

  private constructor(lab: Lab) {
    lab.track(this.#child.process);
  }

  /** Resolves when all are connected. */
  static async open(lab: Lab, endpoint: SubscribeEndpoint, count: number, isSparse?: boolean): Promise<Crowd> {
    const crowd = Crowd.empty(lab);
    await crowd.#child.ask({ type: "connect", count, endpoint, isSparse });
    return crowd;
  }

  /** The same for messages that must be unpacked to be read. */
  static async openPacked(lab: Lab, endpoint: SubscribeEndpoint, count: number): Promise<Crowd> {
    const crowd = Crowd.empty(lab);
    await crowd.#child.ask({ type: "connect", count, endpoint, isPacked: true });
    return crowd;
  }

  /** A crowd whose clients connect later. */
  static empty(lab: Lab): Crowd {
    return new Crowd(lab);
  }

  get pid(): number {
    return this.#child.process.pid ?? 0;
  }

  /** All clients connect at once, and leave when they have the state at `seq`. */
  async storm(endpoint: SubscribeEndpoint, count: number, seq: number): Promise<StormReport> {
    const { storm } = await this.#child.ask({ type: "storm", count, endpoint, seq });
    if (!storm) throw new Error("the crowd did not tell of the storm");
    return storm;
  }

  /** Starts counting from zero. */
  async begin(): Promise<void> {
    await this.#child.ask({ type: "begin" });
  }

  /** Waits until nothing more arrives, and sums up. */
  async finish(): Promise<CrowdReport & { samples: LatencySamples; wire: WireReport | undefined }> {
    await this.#quiet();
    const { report, samples, wire } = await this.#child.ask({ type: "finish" });
    if (!samples) throw new Error("the crowd gave no samples");
    if (report.closed > 0) throw new Error(`${report.closed} subscribers lost their connection`);
    return { ...report, samples, wire };
  }

  async close(): Promise<void> {
    await this.#child.end();
  }

  async #quiet(): Promise<void> {
    let seen = -1;
    for (let waited = 0; waited < LONGEST_DRAIN; waited += QUIET) {
      const { report } = await this.#child.ask({ type: "look" });
      if (report.messages === seen) return;
      seen = report.messages;
      await pause(QUIET);
    }
  }
}
