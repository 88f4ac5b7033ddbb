import { decode } from "@msgpack/msgpack";
import { WebSocket } from "ws";
import type { SubscribeEndpoint } from "./raw-subscriber.ts";

/** What is needed of a message. */
interface Message {
  readonly type: string;
  readonly from?: number;
  readonly seq: number;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly updates?: readonly { readonly time: number }[];
  readonly skipped?: number;
}

/** A subscriber that unpacks what it receives, and counts it from the last `reset` on. */
export class WireReader {
  /** Updates, and entries of snapshots. */
  updates = 0;
  /** Including the updates that were merged into them. */
  covered = 0;
  /** Milliseconds from the `time` of each update to its arrival. */
  latencies: number[] = [];
  /** What it missed. */
  fault: string | undefined;
  /** Known only for a server that orders updates and says hello: two POSTs in flight may overtake each other. */
  #seq: number | undefined;

  /** Resolves when it is connected. It offers compression as the headers do. */
  static async open({ port, path, headers = {} }: SubscribeEndpoint): Promise<WireReader> {
    const protocol = headers["Sec-WebSocket-Protocol"];
    const perMessageDeflate = "Sec-WebSocket-Extensions" in headers;
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocol ?? [], { perMessageDeflate });
    const reader = new WireReader();
    socket.on("message", (data: Buffer, isBinary) =>
      reader.#take((isBinary ? decode(data) : JSON.parse(data.toString())) as Message),
    );
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    return reader;
  }

  reset(): void {
    this.updates = this.covered = 0;
    this.latencies = [];
  }

  #take({ type, from, seq, entries = {}, updates = [], skipped = 0 }: Message): void {
    if (from !== undefined && this.#seq !== undefined && from !== this.#seq)
      this.fault ??= `a gap: at ${this.#seq}, and an update from ${from}`;
    if (type === "hello" || this.#seq !== undefined) this.#seq = seq;
    for (const { time } of updates) this.latencies.push(Date.now() - time);
    const here = updates.length + Object.keys(entries).length;
    this.updates += here;
    this.covered += here + skipped;
  }
}
