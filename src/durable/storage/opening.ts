import type { Feed } from "../../feed/state/feed.ts";
import type { Idempotency } from "../../feed/state/idempotency.ts";
import type { LogRecord } from "../../feed/state/record.ts";
import { isAscii } from "../../protocol/json-text.ts";
import type { Stored } from "./checkpoint.ts";
import { decodeEntries } from "./entry-lines.ts";
import { decodeEarlier, isEarlier, readJournalText, receiptHashes } from "./receipt-lines.ts";
import { decodeRecords } from "./record-lines.ts";

/** Restores a feed from its last checkpoint and from what has been written to the journal since. */
export function openFeed(stored: Stored, feed: Feed, idempotency: Idempotency, now: number): void {
  const { sql, state, receipts } = stored;
  const chunks = sql.exec<{ entries: string }>(
    "SELECT entries FROM checkpoint WHERE chunk >= ? AND chunk < ? ORDER BY chunk",
    state.chunk,
    state.chunk + state.chunks,
  );
  for (const { entries } of chunks) {
    const isNarrow = isAscii(entries);
    for (const entry of decodeEntries(entries)) feed.restore(entry, isNarrow);
  }
  receipts.load(now, (ordinal, hashes, at) => idempotency.restore(ordinal, hashes, at));
  restoreEarlier(sql, idempotency, now);
  feed.replayAll(journalRecords(stored, idempotency));
}

/** The records that count, in order; what is to be remembered is taken up on the way. */
function* journalRecords({ state, journal }: Stored, idempotency: Idempotency): Generator<LogRecord> {
  for (const { generation, text } of journal.load(state.receiptsFrom, state.generation, state.seq)) {
    const stored = readJournalText(text.receipts);
    if (stored) {
      for (const { ordinal, hashes, at } of receiptHashes(stored)) idempotency.restore(ordinal, hashes, at);
    }
    if (isEarlier(text.receipts)) {
      for (const publish of decodeEarlier(text.receipts)) idempotency.restoreEarlier(publish);
    }
    if (generation >= state.generation) yield* decodeRecords(text.records);
  }
}

/** Receipts of format 1 that still count; ten minutes after it was left there are none. */
function restoreEarlier(sql: SqlStorage, idempotency: Idempotency, now: number): void {
  if (sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'receipts'").toArray().length === 0) return;
  const rows = sql.exec<{ receipts: string }>("SELECT receipts FROM receipts WHERE expires > ? ORDER BY id", now);
  for (const { receipts } of rows) for (const publish of decodeEarlier(receipts)) idempotency.restoreEarlier(publish);
}
