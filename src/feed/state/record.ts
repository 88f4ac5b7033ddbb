import type { Selection } from "../../protocol/selection.ts";
import type { EncodedUpdates } from "../../protocol/update.ts";
import { LazyUpdate } from "../../protocol/lazy-update.ts";

/** An accepted update with its seq. Its text is canonical JSON: written once, then only copied, and read only as far as needed. */
export class AcceptedUpdate extends LazyUpdate {
  readonly seq: number;

  constructor(text: string, seq: number) {
    super(text);
    this.seq = seq;
  }
}

/** One atomic batch as it stands in the log: never seen in part. Update i has seq `from + 1 + i`. */
export interface LogRecord {
  /** The feed's seq before the batch. */
  readonly from: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  readonly updates: readonly AcceptedUpdate[];
}

/** A batch of the log as a reader of some keys sees it: only those of its updates, and at least one. */
export interface LogBatch {
  /** The feed's seq before the whole batch. */
  readonly from: number;
  /** The feed's seq after it. */
  readonly seq: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  /** The updates in canonical JSON, as they are stored: parts of a longer string, so not to be kept for long. */
  readonly updates: readonly string[];
}

/** What one look at the log found. */
export interface LogPiece {
  readonly batches: readonly LogBatch[];
  /** How far it looked: the end of a batch, from which the next look goes on. */
  readonly seq: number;
  /** Whether nothing that is written lies behind it. */
  readonly isEnd: boolean;
}

/** The log as the feed reads it: what is written, in pieces, so that others can be served in between. */
export interface Log {
  /**
   * Looks at a bounded part of what comes after `after`, which may lie within a batch. Nothing where the log does not
   * reach back that far.
   */
  read(after: number, selection: Selection): LogPiece | undefined;
}

export function readRecord(from: number, time: number, texts: EncodedUpdates): LogRecord {
  return {
    from,
    time,
    updates: texts.map((text, i) => new AcceptedUpdate(text, from + 1 + i)),
  };
}

export function seqAfter(record: LogRecord): number {
  return record.from + record.updates.length;
}
