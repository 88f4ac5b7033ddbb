import { SERVER_LIMITS } from "../../../protocol/limits.ts";
import type { Selection } from "../../../protocol/selection.ts";
import { lookOf, type WorkMeter } from "../work.ts";
import type { UpdateRange } from "./changes-since.ts";
import type { ReadContext } from "./snapshots.ts";

/** What one step of a replay found. */
export type Replayed =
  | { readonly kind: "ranges"; readonly ranges: readonly UpdateRange[]; readonly isEnd: boolean }
  /** What comes next is on its way here. */
  | { readonly kind: "later" }
  /** The log does not go back so far, or there is so much that a snapshot serves better. */
  | { readonly kind: "expired" };

/** Reads every update after a seq from the log (`mode=all`), one look a step, in bounded ranges that split no batch. */
export class Replay {
  readonly #context: ReadContext;
  readonly #selection: Selection;
  /** How far the log was read. */
  #reached: number;
  /** The range that is being filled. */
  #from: number;
  #time: number;
  #updates: string[] = [];
  #length = 0;
  #totalLength = 0;
  #isAtEnd = false;

  /** The reader is at `from`, and up to `unchangedTo` nothing changed that it selects. */
  constructor(context: ReadContext, selection: Selection, from: number, unchangedTo: number) {
    this.#context = context;
    this.#selection = selection;
    this.#reached = unchangedTo;
    this.#from = from;
    this.#time = context.feed.time;
  }

  /** Whether the log was read to its end, while the feed has more that is not committed. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Characters of the range that is being filled. */
  get openLength(): number {
    return this.#length;
  }

  /** Reads on. Only for the epoch in which it began. The last range may be empty. */
  next(meter: WorkMeter): Replayed {
    const { feed, log, limits } = this.#context;
    const ranges: UpdateRange[] = [];
    meter.work += lookOf(this.#selection);
    const piece = log.read(this.#reached, this.#selection);
    if (piece === "later") return { kind: "later" };
    // A look that leads no further would be repeated for ever.
    if (!piece || (piece.seq <= this.#reached && (this.#isAtEnd || !piece.isEnd))) return { kind: "expired" };
    for (const { from, seq, time, updates } of piece.records) {
      if (this.#length > limits.partLength) ranges.push(this.#close(from));
      for (const text of updates) {
        this.#updates.push(text);
        this.#length += text.length;
        this.#totalLength += text.length;
      }
      this.#time = time;
      this.#reached = seq;
    }
    // Copied into a text of its own: the found ones are parts of all the text that was looked at, and would keep it.
    if (this.#updates.length > 0) this.#updates = [this.#updates.join(",")];
    meter.work += this.#length;
    this.#reached = Math.max(this.#reached, piece.seq);
    if (this.#totalLength > SERVER_LIMITS.replayLength) return { kind: "expired" };
    if (this.#reached < feed.seq) {
      this.#isAtEnd = piece.isEnd;
      return { kind: "ranges", ranges, isEnd: false };
    }
    this.#time = feed.time;
    ranges.push(this.#close(feed.seq));
    return { kind: "ranges", ranges, isEnd: true };
  }

  #close(seq: number): UpdateRange {
    const range = { from: this.#from, seq, time: this.#time, updates: this.#updates, skipped: 0 };
    this.#from = seq;
    this.#updates = [];
    this.#length = 0;
    return range;
  }
}
