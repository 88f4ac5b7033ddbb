import { LIMITS } from "../../../protocol/limits.ts";
import type { Selection } from "../../../protocol/selection.ts";
import type { Meter } from "../fanout-limits.ts";
import type { Feed } from "../../state/feed.ts";
import type { Log } from "../../state/record.ts";
import type { UpdateBatch } from "./changes-since.ts";

/** What came of one piece: batches that are whole, how it goes on. */
export type Replayed =
  | { readonly kind: "batches"; readonly batches: readonly UpdateBatch[]; readonly isEnd: boolean }
  /** The log does not reach back so far, or what was missed is longer than a snapshot is worth. */
  | { readonly kind: "expired" };

/** A piece of the log is read for this much work, whatever is found in it. */
const PIECE = 128 * 1024;

/** Reads every update after a seq from the log, piece by piece, in messages of bounded size that never split a batch. */
export class Replay {
  readonly #feed: Feed;
  readonly #log: Log;
  readonly #selection: Selection;
  readonly #partLength: number;
  /** How far it was looked. */
  #reached: number;
  /** The message that is being filled. */
  #from: number;
  #time: number;
  #updates: string[] = [];
  #length = 0;
  #total = 0;
  #isAtEnd = false;

  /** The receiver stands at `from`, and up to `clearTo` nothing that it selects happened since. */
  constructor(
    feed: Feed,
    log: Log,
    selection: Selection,
    { from, clearTo }: { from: number; clearTo: number },
    partLength: number,
  ) {
    this.#feed = feed;
    this.#log = log;
    this.#selection = selection;
    this.#partLength = partLength;
    this.#reached = clearTo;
    this.#from = from;
    this.#time = feed.time;
  }

  /** Whether all was read that the feed shows, so that there is nothing more before that grows. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Characters of the message that is being filled. */
  get open(): number {
    return this.#length;
  }

  /** Reads on, in the epoch that it began in. The last batch may be empty. */
  next(meter: Meter): Replayed {
    const batches: UpdateBatch[] = [];
    meter.work += PIECE;
    const piece = this.#log.read(this.#reached, this.#selection);
    // What leads no further would be read for ever.
    if (!piece || (piece.seq <= this.#reached && (this.#isAtEnd || !piece.isEnd))) return { kind: "expired" };
    for (const { from, seq, time, updates } of piece.batches) {
      if (this.#length > this.#partLength) batches.push(this.#close(from));
      for (const text of updates) {
        this.#updates.push(text);
        this.#length += text.length;
        this.#total += text.length;
      }
      this.#time = time;
      this.#reached = seq;
    }
    // A text of its own: those found would keep all alive that was looked at.
    if (this.#updates.length > 0) this.#updates = [this.#updates.join(",")];
    meter.work += this.#length;
    this.#reached = Math.max(this.#reached, piece.seq);
    if (this.#total > LIMITS.replayLength) return { kind: "expired" };
    if (this.#reached < this.#feed.seq) {
      // What the feed has besides is not written yet.
      this.#isAtEnd = piece.isEnd;
      return { kind: "batches", batches, isEnd: false };
    }
    this.#time = this.#feed.time;
    batches.push(this.#close(this.#feed.seq));
    return { kind: "batches", batches, isEnd: true };
  }

  #close(seq: number): UpdateBatch {
    const batch = { from: this.#from, seq, time: this.#time, updates: this.#updates, skipped: 0 };
    this.#from = seq;
    this.#updates = [];
    this.#length = 0;
    return batch;
  }
}
