import { bytesOf } from "../../feed/state/entry.ts";
import { decodeRecords, encodeRecord, findKey, findUpdates, type FoundLine } from "../../feed/state/record-lines.ts";
import { seqAfter, type LogPiece, type SelectedRecord } from "../../feed/state/record.ts";
import { SERVER_LIMITS } from "../../protocol/limits.ts";
import type { Selection } from "../../protocol/selection.ts";
import type { Stored } from "./checkpoint.ts";
import type { HistoryRows } from "./history-rows.ts";
import { HISTORY_ROW_LENGTH } from "./schema.ts";

/*
 * The log as it is read: the history, and after it the journal, in pieces of one history row or about its length.
 */

/** Bytes that the read which holds the most may hold whatever room there is, and one update more. */
export const HISTORY_ALWAYS = 512 * 1024;

export interface HistoryPage {
  /** Oldest first. Each has the server's time; a time that the publisher gave in the update overrides it. */
  readonly updates: readonly FoundLine[];
  readonly more: boolean;
}

/** Reads the first piece that ends after the seq `after`, see `Log`. */
export function readLog(stored: Stored, after: number, selection: Selection): LogPiece | undefined {
  const texts = pieceAfter(stored, after);
  if (!texts) return undefined;
  const records: SelectedRecord[] = [];
  let seq = after;
  for (const text of texts) if (text !== "") seq = findUpdates(text, after, selection, records);
  return { records, seq, isEnd: seq >= stored.journal.end };
}

/**
 * The first piece that ends after the seq `after`, as lines; its first record may have begun before. Undefined if the log
 * does not go back so far, or ends there.
 */
export function logLines(stored: Stored, after: number): { lines: string; seq: number } | undefined {
  const lines: string[] = [];
  let seq = after;
  for (const text of pieceAfter(stored, after) ?? []) {
    for (const record of decodeRecords(text)) {
      if (seqAfter(record) <= after) continue;
      lines.push(encodeRecord(record));
      seq = seqAfter(record);
    }
  }
  return seq > after ? { lines: lines.join("\n"), seq } : undefined;
}

/** The texts of the first piece that ends after `after`; undefined if the log begins later. */
function pieceAfter(stored: Stored, after: number): readonly string[] | undefined {
  const { state, journal } = stored;
  const history = historyOf(stored);
  if (after < (history?.start ?? state.seq)) return undefined;
  const row = history?.after(after);
  return row === undefined ? journal.records(journal.rowsAfter(state.generation, after, HISTORY_ROW_LENGTH)) : [row];
}

/**
 * The newest `limit` updates of a key before the seq `before`; fewer if the page would be too long, or if there is no
 * `room`, which is the bytes that it may hold beyond those it held after its last step. Yields after each step of a few
 * milliseconds how many bytes it holds.
 */
export function* searchHistory(
  stored: Stored,
  key: string,
  limit: number,
  before: number,
  room = (): number => Infinity,
): Generator<number, HistoryPage> {
  const newestFirst: FoundLine[] = [];
  const page = (more: boolean): HistoryPage => ({ updates: newestFirst.toReversed(), more });
  let [length, bytes, held] = [0, 0, 0];
  const { epoch } = stored.state;
  for (let end = before - 1; end > 0;) {
    const piece = pieceBefore(stored, end, key);
    if (!piece) break;
    const last = end;
    const found = piece.texts.flatMap((records) => findKey(records, key)).filter(({ seq }) => seq <= last);
    for (const update of found.toReversed()) {
      if (newestFirst.length >= limit || length >= SERVER_LIMITS.historyPageLength) return page(true);
      const more = bytesOf(update.line);
      if (bytes >= HISTORY_ALWAYS && bytes - held + more > room()) return page(true);
      newestFirst.push(update);
      length += update.line.length;
      bytes += more;
    }
    end = piece.start;
    held = bytes;
    yield bytes;
    // The feed was reset meanwhile.
    if (epoch !== stored.state.epoch) return { updates: [], more: false };
  }
  return page(false);
}

/** The newest piece that begins before `end` and may have the key, with its start. */
function pieceBefore(stored: Stored, end: number, key: string): { texts: string[]; start: number } | undefined {
  const { state, journal } = stored;
  const rows = journal.rowsBefore(state.generation, end, HISTORY_ROW_LENGTH);
  const [first] = rows;
  if (first) return { texts: journal.records(rows), start: first.start };
  const row = historyOf(stored)?.before(end, key);
  return row && { texts: row.records === undefined ? [] : [row.records], start: row.start };
}

/** Undefined if it is what a reset left, which does not count. */
function historyOf({ state, history }: Stored): HistoryRows | undefined {
  return state.purging ? undefined : history;
}
