import { readEncodedUpdate, type EncodedUpdates, type Update } from "../protocol/update.ts";

/** One update of a feed, with the seq that it was given. */
export interface AcceptedUpdate {
  readonly seq: number;
  /** The update as published, in canonical JSON: written once, then only copied. */
  readonly text: string;
  readonly update: Update;
}

/** One atomic batch as it stands in the log: never seen in part. Update i has seq `from + 1 + i`. */
export interface LogRecord {
  /** The feed's seq before the batch. */
  readonly from: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  readonly updates: readonly AcceptedUpdate[];
}

/** The log as the feed reads it. */
export interface Log {
  /** Every record after `seq`, in order, or nothing where the log does not reach back that far. */
  recordsAfter(seq: number): Iterable<LogRecord> | undefined;
}

export function readRecord(from: number, time: number, texts: EncodedUpdates): LogRecord {
  return {
    from,
    time,
    updates: texts.map((text, i) => ({ seq: from + 1 + i, text, update: readEncodedUpdate(text) })),
  };
}

export function seqAfter(record: LogRecord): number {
  return record.from + record.updates.length;
}
