import type { Selection } from "../../protocol/selection.ts";
import type { EncodedUpdates } from "../../protocol/update.ts";
import { AcceptedUpdate } from "./accepted-update.ts";

/** A batch as it is logged. It is never shown in part. Update i has seq `from + 1 + i`. */
export interface LogRecord {
  /** The feed's seq before the batch. */
  readonly from: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  readonly updates: readonly AcceptedUpdate[];
}

/**
 * What a selection has of a record: only its updates of the selected keys, cut to the selected fields, at least one. Without
 * patches that name none of these, except where one makes its entry, or may.
 */
export interface SelectedRecord {
  /** The feed's seq before the whole batch. */
  readonly from: number;
  /** The feed's seq after it. */
  readonly seq: number;
  /** When the server accepted it, in milliseconds since 1970. */
  readonly time: number;
  /** In canonical JSON. They are parts of a longer string: do not keep them for long. */
  readonly updates: readonly string[];
}

/** What one look into the log found. */
export interface LogPiece {
  readonly records: readonly SelectedRecord[];
  /** How far it looked: the end of a record, where the next look begins. */
  readonly seq: number;
  /** Whether nothing after it is written. */
  readonly isEnd: boolean;
}

/** The log as the fan-out reads it: what is written, in pieces, so that others can be served in between. */
export interface Log {
  /**
   * Looks at a part of what comes after the seq `after`, maybe within a batch; `later` if that is on its way here; undefined
   * if the log begins later. `atHand`: has nothing brought here, and is undefined where that would be needed.
   */
  read(after: number, selection: Selection, atHand?: boolean): LogPiece | "later" | undefined;
}

export function readRecord(from: number, time: number, texts: EncodedUpdates): LogRecord {
  return { from, time, updates: texts.map((text, i) => new AcceptedUpdate(text, from + 1 + i)) };
}

export function seqAfter(record: LogRecord): number {
  return record.from + record.updates.length;
}
