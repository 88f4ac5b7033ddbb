import type { Entry } from "../../feed/state/entry.ts";
import type { Feed } from "../../feed/state/feed.ts";
import { LIMITS } from "../../protocol/limits.ts";
import { encodeEntry } from "./entry-lines.ts";
import type { StateRow } from "./state-row.ts";
import type { HistoryRows } from "./history-rows.ts";
import type { Journal } from "./journal.ts";
import { decodeEarlier, isEarlier, readJournalText } from "./receipt-lines.ts";
import type { ReceiptRows } from "./receipt-rows.ts";
import { CHUNK_LENGTH, HISTORY_ROW_LENGTH, SIDE } from "./schema.ts";

/** What a checkpoint works on. */
export interface Stored {
  readonly sql: SqlStorage;
  readonly state: StateRow;
  readonly journal: Journal;
  readonly history: HistoryRows;
  readonly receipts: ReceiptRows;
}

/** Entries that one step looks at. */
const ENTRIES_IN_A_STEP = 20_000;

/** Moves what the old generations of the journal hold to where it stays. Yields between steps. */
export function* foldJournal({ sql, state, journal, history, receipts }: Stored, now: () => number): Generator {
  // An earlier attempt, that a crash broke off, may have moved some already.
  const receiptsEnd = receipts.end;
  let moved = Math.max(state.seq, history.end ?? 0);
  let gathered: { texts: string[]; length: number; seq: number } = { texts: [], length: 0, seq: moved };
  const flush = (): void => {
    if (gathered.texts.length > 0) history.add(moved, gathered.seq, gathered.texts.join("\n"));
    moved = gathered.seq;
    gathered = { texts: [], length: 0, seq: moved };
  };
  for (const { generation, rows } of journal.oldPieces(HISTORY_ROW_LENGTH)) {
    for (const { row, text } of journal.read(rows)) {
      if (generation >= state.generation && text.records !== "" && row.seq > moved) {
        if (gathered.length + text.records.length > HISTORY_ROW_LENGTH) flush();
        gathered.texts.push(text.records);
        gathered.length += text.records.length;
        gathered.seq = row.seq;
      }
      const stored = readJournalText(text.receipts);
      if (stored && stored.first >= receiptsEnd) receipts.add(stored, now());
      if (isEarlier(text.receipts)) keepEarlier(sql, text.receipts, now());
    }
    yield;
  }
  flush();
  receipts.flush();
}

/** Receipts of format 1 stay in the table that they had there. */
function keepEarlier(sql: SqlStorage, text: string, now: number): void {
  const newest = Math.max(...[...decodeEarlier(text)].map(({ at }) => at));
  const expires = newest + LIMITS.idempotencyWindow;
  if (expires > now) sql.exec("INSERT INTO receipts (expires, receipts) VALUES (?, ?)", expires, text);
}

/** Writes all entries beside those of the last checkpoint. Yields between rows; returns the first row and how many. */
export function* writeEntries({ sql, state }: Stored, feed: Feed): Generator<void, { chunk: number; chunks: number }> {
  const chunk = state.chunk === 0 ? SIDE : 0;
  let chunks = 0;
  const written = new Set<Entry>();
  const walk = feed.entries.walk();
  try {
    for (let isOver = false; !isOver;) {
      const lines: string[] = [];
      let length = 0;
      for (let looked = 0; looked < ENTRIES_IN_A_STEP && length < CHUNK_LENGTH; looked++) {
        const entry = walk.next();
        isOver = !entry;
        if (!entry) break;
        // One that has changed since it was written is met again: the journal has the change.
        if (written.has(entry)) continue;
        written.add(entry);
        const line = encodeEntry(entry);
        lines.push(line);
        length += line.length;
      }
      if (lines.length > 0) {
        sql.exec(
          "INSERT INTO checkpoint (chunk, entries) VALUES (?1, ?2) ON CONFLICT (chunk) DO UPDATE SET entries = ?2",
          chunk + chunks++,
          lines.join("\n"),
        );
      }
      yield;
    }
  } finally {
    walk.end();
  }
  return { chunk, chunks };
}
