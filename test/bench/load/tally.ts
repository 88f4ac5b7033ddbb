import { summarizeLatencies, type LatencySamples } from "../statistics.ts";
import { SHORTEST_UPDATE, STAMP_MARK, UPDATE_MARK } from "./updates.ts";

const mark = Buffer.from(UPDATE_MARK);
const stampMark = Buffer.from(STAMP_MARK);
/** Most different messages on their way at a time. */
const REMEMBERED = 8;
/** Bytes. Scanning shorter messages is cheaper than comparing them. */
const WORTH_REMEMBERING = 512;

/** Counts what subscribers receive, without parsing it. */
export class Tally {
  messages = 0;
  updates = 0;
  /** Bytes of messages with updates, without frame heads. */
  bytes = 0;
  /** When the first and the last update arrived, in milliseconds of the shared clock. */
  first = 0;
  last = 0;
  #latencies: number[] = [];
  /**
   * The last long messages. The next subscriber mostly gets the very same bytes, and comparing is cheaper than
   * scanning.
   */
  readonly #known: { payload: Buffer; updates: number }[] = [];
  #next = 0;

  reset(): void {
    this.messages = this.updates = this.bytes = this.first = this.last = 0;
    this.#latencies = [];
  }

  /** Takes one message. Notes the latency of each update if the message is sampled. */
  take(isSampled: boolean, buffer: Buffer, start: number, end: number, now: number): void {
    const updates = this.#count(buffer, start, end);
    if (updates === 0) return;
    if (isSampled) this.#sample(now, buffer, start, end);
    if (this.messages++ === 0) this.first = now;
    this.updates += updates;
    this.bytes += end - start;
    this.last = now;
  }

  samples(): LatencySamples {
    return summarizeLatencies(this.#latencies);
  }

  #count(buffer: Buffer, start: number, end: number): number {
    const length = end - start;
    if (length < WORTH_REMEMBERING) return count(buffer, start, end);
    const known = this.#known.find(
      ({ payload }) => payload.length === length && buffer.compare(payload, 0, length, start, end) === 0,
    );
    if (known) return known.updates;
    const updates = count(buffer, start, end);
    this.#known[this.#next] = { payload: Buffer.from(buffer.subarray(start, end)), updates };
    this.#next = (this.#next + 1) % REMEMBERED;
    return updates;
  }

  #sample(now: number, buffer: Buffer, start: number, end: number): void {
    for (let at = buffer.indexOf(stampMark, start); at >= 0 && at < end; at = buffer.indexOf(stampMark, at)) {
      at += stampMark.length;
      let microseconds = 0;
      for (; at < end; at++) {
        const digit = (buffer[at] ?? 0) - 48;
        if (digit < 0 || digit > 9) break;
        microseconds = microseconds * 10 + digit;
      }
      this.#latencies.push(now - microseconds / 1000);
    }
  }
}

function count(buffer: Buffer, start: number, end: number): number {
  let found = 0;
  for (let at = buffer.indexOf(mark, start); at >= 0 && at < end; at = buffer.indexOf(mark, at + SHORTEST_UPDATE)) {
    found++;
    if (end - at < 2 * SHORTEST_UPDATE) break;
  }
  return found;
}
