import { summarizeLatencies, type LatencySamples } from "../statistics.ts";
import type { WireReport } from "./crowd.ts";
import type { OnMessage, SubscribeEndpoint } from "./raw-subscriber.ts";
import { WireReader } from "./wire-reader.ts";

/** Subscribers that unpack what they receive, and so do not see how many bytes it was. */
const READERS = 8;
const COMPRESSED = 0x40;

/**
 * Counts messages and their bytes without unpacking them; each subscriber's first message is left out. A few subscribers
 * tell how many updates the messages held. All watch the same, so that each part is counted for all.
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
  readonly #readers: readonly WireReader[];

  private constructor(count: number, readers: readonly WireReader[]) {
    this.#count = count;
    this.#readers = readers;
  }

  /** Connects those that read. */
  static async begin(count: number, endpoint: SubscribeEndpoint): Promise<WireTally> {
    return new WireTally(count, await Promise.all(Array.from({ length: READERS }, () => WireReader.open(endpoint))));
  }

  /** How many subscribers are to be connected beside those that read. */
  get others(): number {
    return this.#count - READERS;
  }

  /** Takes the messages of one subscriber. */
  taker(): OnMessage {
    let isGreeted = false;
    return (buffer, start, end, at) => {
      const head = headLength(end - start);
      if (isGreeted) {
        if (this.messages++ === 0) this.first = at;
        this.bytes += head + end - start;
        // The head of a frame is right before its payload.
        if (((buffer[start - head] ?? 0) & COMPRESSED) !== 0) this.#deflated++;
        this.last = at;
      }
      isGreeted = true;
    };
  }

  reset(): void {
    this.messages = this.updates = this.bytes = this.first = this.last = this.#deflated = 0;
    for (const reader of this.#readers) reader.reset();
  }

  /** Sums up what the few subscribers have read. Throws if one of them missed something. */
  read(): { samples: LatencySamples; wire: WireReport } {
    const [{ updates, covered } = { updates: 0, covered: 0 }] = this.#readers;
    const fault = this.#readers.find((reader) => reader.fault !== undefined)?.fault;
    if (fault !== undefined) throw new Error(fault);
    if (this.#readers.some((reader) => reader.covered !== covered))
      throw new Error("subscribers got different updates");
    const scale = this.#count / this.others;
    [this.messages, this.bytes, this.#deflated] = [this.messages * scale, this.bytes * scale, this.#deflated * scale];
    this.updates = updates * this.#count;
    const samples = summarizeLatencies(this.#readers.flatMap(({ latencies }) => latencies));
    return { samples, wire: { deflated: this.#deflated, covered } };
  }
}

/** Bytes before the payload in a server's frame. */
function headLength(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}
