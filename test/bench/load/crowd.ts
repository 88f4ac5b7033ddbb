import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Lab } from "../lab.ts";
import { pause } from "./clock.ts";
import type { SubscribeEndpoint } from "./raw-subscriber.ts";

export type CrowdRequest =
  | {
      readonly type: "connect";
      readonly count: number;
      readonly endpoint: SubscribeEndpoint;
      /** Each gets so little that the latency of all of it is taken. */
      readonly isSparse?: boolean | undefined;
      /** They may get what has to be unpacked to be read: bytes are counted, and a few of them read what they got. */
      readonly isPacked?: boolean | undefined;
    }
  | { readonly type: "storm"; readonly count: number; readonly endpoint: SubscribeEndpoint; readonly seq: number }
  | { readonly type: "begin" | "look" | "finish" };

export type CrowdReply =
  | {
      readonly ok: true;
      readonly report: CrowdReport;
      readonly samples?: LatencySamples;
      readonly storm?: StormReport;
      readonly wire?: WireReport;
    }
  | { readonly ok: false; readonly reason: string };

/** What all subscribers got together since `begin`. */
export interface CrowdReport {
  readonly messages: number;
  readonly updates: number;
  /** Of messages that held updates, without their frames; where they are packed, of all messages with their frames. */
  readonly bytes: number;
  /** When the first and the last update came, in milliseconds of the shared clock. */
  readonly first: number;
  readonly last: number;
  /** Subscribers that have lost their connection. */
  readonly closed: number;
}

/** From the making of an update to its receipt by one subscriber, in milliseconds. */
export interface LatencySamples {
  readonly p50: number;
  readonly p99: number;
  /** Share that came within a quarter of a second. */
  readonly inTime: number;
  readonly count: number;
}

/** What packed messages were on the wire. */
export interface WireReport {
  /** Messages that came compressed. */
  readonly deflated: number;
  /** Updates that one subscriber was told of since `begin`, those that were merged into others included. */
  readonly told: number;
}

/** From the first connection to the whole state, in milliseconds, over all clients. */
export interface StormReport {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly bytes: number;
}

/** Nothing new for so long means that all has arrived. */
const QUIET = 500;
const LONGEST_DRAIN = 10_000;

/** Many subscribers, in a process of their own. */
export class Crowd {
  readonly #lab: Lab;
  readonly #process: ChildProcess;

  private constructor(lab: Lab, child: ChildProcess) {
    this.#lab = lab;
    this.#process = child;
  }

  /** Resolves once all are connected. */
  static async open(lab: Lab, endpoint: SubscribeEndpoint, count: number, isSparse?: boolean): Promise<Crowd> {
    const crowd = Crowd.empty(lab);
    await crowd.#ask({ type: "connect", count, endpoint, isSparse });
    return crowd;
  }

  /** The same, for messages that have to be unpacked to be read. */
  static async openPacked(lab: Lab, endpoint: SubscribeEndpoint, count: number): Promise<Crowd> {
    const crowd = Crowd.empty(lab);
    await crowd.#ask({ type: "connect", count, endpoint, isPacked: true });
    return crowd;
  }

  /** One whose clients come later. */
  static empty(lab: Lab): Crowd {
    const child = fork(join(import.meta.dirname, "crowd-process.ts"));
    lab.track(child);
    return new Crowd(lab, child);
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** So many connect all at once, and leave when each has the state as of `seq`. */
  async storm(endpoint: SubscribeEndpoint, count: number, seq: number): Promise<StormReport> {
    const { storm } = await this.#ask({ type: "storm", count, endpoint, seq });
    if (!storm) throw new Error("the crowd did not tell of the storm");
    return storm;
  }

  /** Counts from zero. */
  async begin(): Promise<void> {
    await this.#ask({ type: "begin" });
  }

  /** Waits until nothing more comes, and sums up. */
  async finish(): Promise<CrowdReport & { samples: LatencySamples; wire: WireReport | undefined }> {
    await this.#quiet();
    const { report, samples, wire } = await this.#ask({ type: "finish" });
    if (!samples) throw new Error("the crowd gave no samples");
    if (report.closed > 0) throw new Error(`${report.closed} subscribers lost their connection`);
    return { ...report, samples, wire };
  }

  async close(): Promise<void> {
    await this.#lab.end(this.#process);
  }

  async #quiet(): Promise<void> {
    let seen = -1;
    for (let waited = 0; waited < LONGEST_DRAIN; waited += QUIET) {
      const { report } = await this.#ask({ type: "look" });
      if (report.messages === seen) return;
      seen = report.messages;
      await pause(QUIET);
    }
  }

  async #ask(request: CrowdRequest): Promise<Extract<CrowdReply, { ok: true }>> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const reply = once(this.#process, "message", { signal }).then(([message]: CrowdReply[]) => message);
      this.#process.send(request);
      const first = await Promise.race([reply, once(this.#process, "exit", { signal }).then(() => undefined)]);
      if (first?.ok) return first;
      throw new Error(`the crowd failed: ${first?.reason ?? "its process ended"}`);
    } finally {
      answered.abort();
    }
  }
}
