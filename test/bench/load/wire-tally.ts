import { clock } from "./clock.ts";
import type { LatencySamples, WireReport } from "./crowd.ts";
import { summarizeLatencies } from "./latencies.ts";
import type { OnMessage } from "./raw-subscriber.ts";
import { WireReader } from "./wire-reader.ts";

/** Subscribers whose messages are kept, and unpacked at the end. */
const READERS = 8;
const COMPRESSED = 0x40;

/**
 * Counts messages and their bytes without unpacking them; each subscriber's first message is left out. A few
 * subscribers tell how many updates the messages held, for all: all watch the same.
 */
export class WireTally {
  messages = 0;
  updates = 0;
  /** Bytes, with frame heads. */
  bytes = 0;
  /** When the first and the last message came, in milliseconds of the shared clock. */
  first = 0;
  last = 0;
  #deflated = 0;
  readonly #count: number;
  readonly #readers: WireReader[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** Takes the messages of one subscriber. */
  taker(index: number): OnMessage {
    const stride = Math.max(1, Math.floor(this.#count / READERS));
    const reader = index % stride === 0 ? new WireReader() : undefined;
    if (reader) this.#readers.push(reader);
    let isGreeted = false;
    return (buffer, start, end, at) => {
      const head = headLength(end - start);
      // The head of a frame is right before its payload.
      const flags = buffer[start - head] ?? 0;
      const isDeflated = (flags & COMPRESSED) !== 0;
      if (isGreeted) {
        if (this.messages++ === 0) this.first = at;
        this.bytes += head + end - start;
        if (isDeflated) this.#deflated++;
        this.last = at;
      }
      isGreeted = true;
      reader?.take({ payload: Buffer.from(buffer.subarray(start, end)), opcode: flags & 0x0f, isDeflated, at });
    };
  }

  reset(): void {
    this.messages = this.updates = this.bytes = this.first = this.last = this.#deflated = 0;
    for (const reader of this.#readers) reader.reset();
  }

  /** Unpacks what the few subscribers have kept. Throws if one of them missed something. */
  async read(): Promise<{ samples: LatencySamples; wire: WireReport }> {
    const ahead = Date.now() - clock();
    const reports = await Promise.all(this.#readers.map((reader) => reader.read(ahead)));
    const covered = reports[0]?.covered ?? 0;
    if (reports.some((report) => report.covered !== covered)) throw new Error("subscribers got different updates");
    const updates = reports.reduce((sum, report) => sum + report.updates, 0);
    this.updates = Math.round((updates / reports.length) * this.#count);
    const samples = summarizeLatencies(reports.flatMap((report) => report.latencies));
    return { samples, wire: { deflated: this.#deflated, covered } };
  }
}

/** Bytes before the payload in a server's frame. */
function headLength(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}
