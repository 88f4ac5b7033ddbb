import type { Entry } from "../../feed/state/entry.ts";
import { decodeEntryLines, encodeEntryLine } from "../../feed/state/entry-lines.ts";
import type { Feed } from "../../feed/state/feed.ts";
import type { Idempotency } from "../../feed/state/idempotency.ts";
import type { KnownPublishes } from "../../feed/state/known-publishes.ts";
import type { LogRecord } from "../../feed/state/record.ts";
import { isAscii } from "../../protocol/json-scan.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { StateRow } from "./state-row.ts";
import type { HistoryRows } from "./history-rows.ts";
import type { Journal } from "./journal.ts";
import {
  decodeEarlier,
  isEarlier,
  readJournalText,
  receiptHashes,
  sessionPublishesIn,
  withoutSessions,
  type StoredReceipts,
} from "./receipt-lines.ts";
import type { ReceiptRows } from "./receipt-rows.ts";
import type { SessionRows } from "./session-rows.ts";
import { decodeRecords } from "../../feed/state/record-lines.ts";
import { CHUNK_LENGTH, HISTORY_ROW_LENGTH, SIDE } from "./schema.ts";

/** The parts of a stored feed that a checkpoint is made of. */
export interface Stored {
  readonly sql: SqlStorage;
  readonly state: StateRow;
  readonly journal: Journal;
  readonly history: HistoryRows;
  readonly receipts: ReceiptRows;
  readonly sessions: SessionRows;
}

/** Entries that one step looks at. */
const ENTRIES_IN_A_STEP = 20_000;

/** Moves the records and receipts of the journal's old generations to where they stay. Yields between steps. */
export function* foldJournal({ sql, state, journal, history, receipts }: Stored, now: () => number): Generator {
  // An earlier checkpoint that a crash interrupted may have moved some of them.
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
      const moving = stored && stored.first >= receiptsEnd ? withoutSessions(stored) : undefined;
      if (moving) receipts.add(moving, now());
      if (isEarlier(text.receipts)) keepEarlier(sql, text.receipts, now());
    }
    yield;
  }
  flush();
  receipts.flush();
}

/** Receipts of format 1 stay in the table of that format. */
function keepEarlier(sql: SqlStorage, text: string, now: number): void {
  const newest = Math.max(...[...decodeEarlier(text)].map(({ at }) => at));
  const expires = newest + LIMITS.idempotencyWindow;
  if (expires > now) sql.exec("INSERT INTO receipts (expires, receipts) VALUES (?, ?)", expires, text);
}

/** Writes all entries beside those of the last checkpoint. Yields between rows; returns the first row and their number. */
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
        // The walk meets an entry again that has changed since it was written. The journal has the change.
        if (written.has(entry)) continue;
        written.add(entry);
        const line = encodeEntryLine(entry);
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

/** Restores a feed from its last checkpoint and from the journal since then. */
export function openFeed(stored: Stored, feed: Feed, known: KnownPublishes, now: number): void {
  const { sql, state, receipts, sessions } = stored;
  const chunks = sql.exec<{ entries: string }>(
    "SELECT entries FROM checkpoint WHERE chunk >= ? AND chunk < ? ORDER BY chunk",
    state.chunk,
    state.chunk + state.chunks,
  );
  for (const { entries } of chunks) {
    const isNarrow = isAscii(entries);
    for (const entry of decodeEntryLines(entries)) feed.restore(entry, isNarrow);
  }
  receipts.load(now, (ordinal, hashes, at) => known.single.restore(ordinal, hashes, at));
  restoreEarlier(sql, known.single, now);
  sessions.load(known.sessions);
  feed.apply(journalRecords(stored, known));
  // Ordinals of receipts that have expired are not given again while their rows are there.
  known.single.passed(receipts.end - 1);
}

/** The records that count, in order. On the way it restores the remembered publishes. */
function* journalRecords({ state, journal }: Stored, known: KnownPublishes): Generator<LogRecord> {
  for (const { generation, text } of journal.load(state.receiptsFrom, state.generation, state.seq)) {
    const stored = readJournalText(text.receipts);
    if (stored) restoreReceipts(stored, known);
    if (isEarlier(text.receipts)) {
      for (const publish of decodeEarlier(text.receipts)) known.single.restoreEarlier(publish);
    }
    if (generation >= state.generation) yield* decodeRecords(text.records);
  }
}

function restoreReceipts(stored: StoredReceipts, known: KnownPublishes): void {
  const ofSessions = sessionPublishesIn(stored);
  for (const { ordinal, hashes, at } of receiptHashes(stored)) {
    const ofSession = ofSessions.get(ordinal);
    if (ofSession) known.restoreInSession(ofSession);
    else known.single.restore(ordinal, hashes, at);
  }
}

/** Receipts of format 1 that still count. Ten minutes after the upgrade there are none. */
function restoreEarlier(sql: SqlStorage, idempotency: Idempotency, now: number): void {
  if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'receipts'").toArray().length === 0) return;
  const rows = sql.exec<{ receipts: string }>("SELECT receipts FROM receipts WHERE expires > ? ORDER BY id", now);
  for (const { receipts } of rows) for (const publish of decodeEarlier(receipts)) idempotency.restoreEarlier(publish);
}
