import { decode } from "@msgpack/msgpack";
import { constants, createInflateRaw, type InflateRaw } from "node:zlib";
import { OPCODE } from "./frames.ts";

/** A message as it arrived. */
export interface WireFrame {
  readonly payload: Buffer;
  readonly opcode: number;
  readonly isDeflated: boolean;
  /** When it arrived, in milliseconds of the shared clock. */
  readonly at: number;
}

/** What a subscriber received since the last `reset`. */
export interface WireReading {
  /** Updates, and entries of snapshots. */
  readonly updates: number;
  /** Including the updates that were merged into them. */
  readonly covered: number;
  /** Milliseconds from the `time` of each update to its arrival. */
  readonly latencies: readonly number[];
}

/** What is needed of a message. */
interface Message {
  readonly type: string;
  readonly from?: number;
  readonly seq: number;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly updates?: readonly { readonly time: number }[];
  readonly skipped?: number;
}

/** The end of each compressed message, which is not sent (RFC 7692). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

/** Keeps what one subscriber receives, and unpacks it after the measurement. */
export class WireReader {
  /** From the first on: decompressing a message needs those before it. */
  readonly #frames: WireFrame[] = [];
  #begin = 0;

  take(frame: WireFrame): void {
    this.#frames.push(frame);
  }

  reset(): void {
    this.#begin = this.#frames.length;
  }

  /** `ahead`: the time of day (milliseconds since 1970) minus the shared clock. Throws if updates are missing. */
  async read(ahead: number): Promise<WireReading> {
    const inflate = createInflateRaw();
    const latencies: number[] = [];
    let updates = 0;
    let covered = 0;
    // Known only for a server that orders updates and says hello: two POSTs in flight may overtake each other.
    let seq: number | undefined;
    for (const [i, frame] of this.#frames.entries()) {
      const bytes = frame.isDeflated ? await inflated(inflate, frame.payload) : frame.payload;
      const message = (frame.opcode === OPCODE.text ? JSON.parse(bytes.toString()) : decode(bytes)) as Message;
      if (message.from !== undefined && seq !== undefined && message.from !== seq) {
        throw new Error(`a gap: at ${seq}, and an update from ${message.from}`);
      }
      if (message.type === "hello" || seq !== undefined) ({ seq } = message);
      if (i < this.#begin) continue;
      for (const { time } of message.updates ?? []) latencies.push(frame.at + ahead - time);
      const here = (message.updates?.length ?? 0) + Object.keys(message.entries ?? {}).length;
      updates += here;
      covered += here + (message.skipped ?? 0);
    }
    inflate.close();
    return { updates, covered, latencies };
  }
}

function inflated(inflate: InflateRaw, payload: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const take = (part: Buffer): void => void parts.push(part);
    inflate.on("data", take);
    inflate.once("error", reject);
    inflate.write(payload);
    inflate.write(TAIL);
    inflate.flush(constants.Z_SYNC_FLUSH, () => {
      inflate.off("data", take);
      inflate.off("error", reject);
      resolve(Buffer.concat(parts));
    });
  });
}
