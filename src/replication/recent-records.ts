import { encodeRecord, findUpdates } from "../feed/state/record-lines.ts";
import { seqAfter, type Log, type LogPiece, type LogRecord, type SelectedRecord } from "../feed/state/record.ts";
import type { Selection } from "../protocol/selection.ts";

/** Characters that one look reads, and a record more. */
const PIECE_LENGTH = 256 * 1024;

interface Kept {
  readonly from: number;
  readonly seq: number;
  readonly text: string;
}

/** The newest committed records of a feed in memory, as lines: what links push, and the first place a replica's log looks in. */
export class RecentRecords implements Log {
  readonly #most: number;
  #kept: Kept[] = [];
  /** The first that is kept still. Those before it are cut off now and then. */
  #first = 0;
  #length = 0;
  #start: number;
  #end: number;
  /** The last answer of `since`: most links are at the same position. */
  #asked: { readonly from: number; readonly seq: number; readonly text: string } | undefined;

  /** `most`: characters to keep. `seq`: the feed's, at which it begins. */
  constructor(most: number, seq: number) {
    this.#most = most;
    this.#start = seq;
    this.#end = seq;
  }

  /** Every record after this seq is kept. */
  get start(): number {
    return this.#start;
  }

  /** The feed's seq after the newest record. */
  get end(): number {
    return this.#end;
  }

  /** Takes records that were committed. They follow those before without a gap. */
  add(records: readonly LogRecord[]): void {
    for (const record of records) {
      const text = encodeRecord(record);
      this.#end = seqAfter(record);
      this.#kept.push({ from: record.from, seq: this.#end, text });
      this.#length += text.length;
    }
    while (this.#length > this.#most) {
      const oldest = this.#kept[this.#first++];
      if (!oldest) break;
      this.#length -= oldest.text.length;
      this.#start = oldest.seq;
    }
    if (this.#first * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#first);
      this.#first = 0;
    }
  }

  /** All records after `seq`, as lines; empty if there are none. Undefined if not all are kept, or `seq` is within a batch. */
  since(seq: number): string | undefined {
    if (seq === this.#end) return "";
    if (seq < this.#start || seq > this.#end) return undefined;
    if (this.#asked?.from === seq && this.#asked.seq === this.#end) return this.#asked.text;
    const index = this.#indexAfter(seq);
    if (this.#kept[index]?.from !== seq) return undefined;
    const texts: string[] = [];
    for (let i = index; i < this.#kept.length; i++) texts.push(this.#kept[i]?.text ?? "");
    const text = texts.join("\n");
    this.#asked = { from: seq, seq: this.#end, text };
    return text;
  }

  read(after: number, selection: Selection): LogPiece | undefined {
    if (after < this.#start) return undefined;
    const records: SelectedRecord[] = [];
    let seq = after;
    let length = 0;
    for (let i = this.#indexAfter(after); i < this.#kept.length && length < PIECE_LENGTH; i++) {
      const kept = this.#kept[i];
      if (!kept) break;
      seq = findUpdates(kept.text, after, selection, records);
      length += kept.text.length;
    }
    return { records, seq, isEnd: seq >= this.#end };
  }

  /** Index of the first record that ends after `seq`. */
  #indexAfter(seq: number): number {
    let [low, high] = [this.#first, this.#kept.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#kept[middle]?.seq ?? 0) > seq) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
