import { bytesOf } from "../../feed/state/entry.ts";
import { Feed } from "../../feed/state/feed.ts";
import { Idempotency, type RememberedPublish } from "../../feed/state/idempotency.ts";
import { seqAfter, type Log, type SelectedRecord, type LogPiece, type LogRecord } from "../../feed/state/record.ts";
import { type FeedLimits, SERVER_LIMITS } from "../../protocol/limits.ts";
import type { Selection } from "../../protocol/selection.ts";
import { foldJournal, openFeed, writeEntries, type Stored } from "./checkpoint.ts";
import { createTables, isStored, newState, readState, writeState } from "./state-row.ts";
import { HistoryRows } from "./history-rows.ts";
import { Journal } from "./journal.ts";
import { receiptLine, journalText, readJournalText, readReceipt } from "./receipt-lines.ts";
import { ReceiptRows } from "./receipt-rows.ts";
import {
  decodeRecords,
  encodeRecord,
  findKey,
  findUpdates,
  packRecords,
  type FoundLine,
} from "../../feed/state/record-lines.ts";
import * as schema from "./schema.ts";

/** Bytes that the read which holds the most may hold whatever room there is, and one update more. */
export const HISTORY_ALWAYS = 512 * 1024;

export interface StoredFeed {
  readonly feed: Feed;
  readonly idempotency: Idempotency;
}

export interface HistoryPage {
  /** Oldest first. Each has the server's time; a time that the publisher gave in the update overrides it. */
  readonly updates: readonly FoundLine[];
  readonly more: boolean;
}

/** One feed in the object's SQLite storage. All that is written within one turn of the event loop is one transaction. */
export class FeedStore implements Log {
  readonly #limits: FeedLimits;
  #stored: Stored;
  #exists: boolean | undefined;
  /** The steps of the checkpoint that is being made. */
  #checkpoint: Generator | undefined;
  /** The length of a journal at which the next checkpoint is due. */
  #due = schema.JOURNAL_LENGTH;
  #now = 0;

  constructor(sql: SqlStorage, limits: FeedLimits) {
    this.#limits = limits;
    const [journal, history, receipts] = [new Journal(sql), new HistoryRows(sql), new ReceiptRows(sql)];
    this.#stored = { sql, state: newState(""), journal, history, receipts };
  }

  /** Whether the feed has ever been published to (or reset). Asking writes nothing. */
  get exists(): boolean {
    return (this.#exists ??= isStored(this.#stored.sql));
  }

  /** Whether there is work for `step`. */
  get hasWork(): boolean {
    const { journal, state } = this.#stored;
    return (
      this.#checkpoint !== undefined ||
      journal.hasOld ||
      state.purging ||
      journal.current.length > this.#due ||
      journal.current.rows.length >= schema.JOURNAL_SLOTS
    );
  }

  /** Whether the journal that grows during a checkpoint is due for the next one already: updates must wait for the steps. */
  get isBehind(): boolean {
    const { journal } = this.#stored;
    const { length, rows } = journal.current;
    return journal.hasOld && (length > schema.LONGEST_JOURNAL || rows.length >= schema.JOURNAL_SLOTS);
  }

  /** Reads the feed back. A feed that does not exist begins under `epoch`, and nothing is written yet. */
  load(now: number, epoch: string): StoredFeed {
    this.#stored = { ...this.#stored, state: this.exists ? readState(this.#stored.sql) : newState(epoch) };
    const idempotency = new Idempotency(this.#stored.state.seed, (ordinal) => this.#readPublish(ordinal));
    const feed = new Feed(this.#stored.state, this.#limits);
    if (this.exists) openFeed(this.#stored, feed, idempotency, now);
    this.#setDue(feed);
    return { feed, idempotency };
  }

  /** Writes accepted records, most often as one row. `feed` already has them applied. */
  append(feed: Feed, records: readonly LogRecord[], remembered: readonly RememberedPublish[]): void {
    if (!this.exists) this.#create(feed.epoch);
    const { journal } = this.#stored;
    const rows = packRecords(records, schema.JOURNAL_ROW_LENGTH);
    // Receipts are written beside the last records. Those that do not fit there get rows of their own.
    let last = rows.pop() ?? { text: "", seq: journal.end };
    for (const { text, seq } of rows) journal.append(seq, { receipts: "", records: text });
    let lines: string[] = [];
    let length = 0;
    const write = (next: number): void => {
      journal.append(last.seq, { receipts: journalText(next - lines.length, lines), records: last.text });
      last = { text: "", seq: last.seq };
      [lines, length] = [[], 0];
    };
    for (const publish of remembered) {
      const line = receiptLine(publish);
      lines.push(line);
      length += line.length;
      if (length > schema.RECEIPTS_LENGTH) write(publish.ordinal + 1);
    }
    if (last.text !== "" || lines.length > 0) write((remembered.at(-1)?.ordinal ?? 0) + 1);
    this.#setDue(feed);
  }

  /**
   * Does a few milliseconds of background work: checkpoints, and deleting what they and resets leave. `commit` writes what
   * was accepted and is not written yet.
   */
  step(feed: Feed, now: number, commit: () => void): void {
    this.#now = now;
    this.#checkpoint ??= this.#makeCheckpoint(feed, commit);
    if (this.#checkpoint.next().done === true) this.#checkpoint = undefined;
  }

  /** Keeps only the remembered publishes, and begins a new epoch. Dead rows are deleted by steps. */
  reset(feed: Feed): void {
    if (!this.exists) this.#create(feed.epoch);
    const { sql, state, journal, receipts } = this.#stored;
    this.#checkpoint?.return(undefined);
    this.#checkpoint = undefined;
    receipts.discard();
    journal.begin(0);
    const generation = journal.current.number;
    Object.assign(state, { epoch: feed.epoch, generation, seq: 0, time: 0, forgotten: 0, chunks: 0, purging: true });
    writeState(sql, state);
  }

  read(after: number, selection: Selection): LogPiece | undefined {
    if (!this.exists) return { records: [], seq: after, isEnd: true };
    if (after < this.#logStart) return undefined;
    const records: SelectedRecord[] = [];
    let seq = after;
    for (const lines of this.#piece(after)) {
      if (lines !== "") seq = findUpdates(lines, after, selection, records);
    }
    return { records, seq, isEnd: seq >= this.#stored.journal.end };
  }

  /**
   * A piece of the records after a seq, as lines; the first may have begun before it. Undefined if the log does not go back
   * so far, or ends there.
   */
  lines(after: number): { lines: string; seq: number } | undefined {
    if (!this.exists || after < this.#logStart) return undefined;
    const records: string[] = [];
    let seq = after;
    for (const lines of this.#piece(after)) {
      for (const record of decodeRecords(lines)) {
        if (seqAfter(record) <= after) continue;
        records.push(encodeRecord(record));
        seq = seqAfter(record);
      }
    }
    return seq > after ? { lines: records.join("\n"), seq } : undefined;
  }

  /**
   * The newest `limit` updates of a key before the seq `before`; fewer if the page would be too long, or if there is no
   * `room`, which is the bytes that it may hold beyond those it held after its last step. Yields after each step of a few
   * milliseconds how many bytes it holds.
   */
  *history(
    key: string,
    limit: number,
    before: number,
    room: () => number = () => Infinity,
  ): Generator<number, HistoryPage> {
    const newestFirst: FoundLine[] = [];
    const page = (more: boolean): HistoryPage => ({ updates: newestFirst.toReversed(), more });
    let [length, bytes, held] = [0, 0, 0];
    const { epoch } = this.#stored.state;
    for (let end = before - 1; this.exists && end > 0;) {
      const piece = this.#pieceBefore(end, key);
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
      if (epoch !== this.#stored.state.epoch) return { updates: [], more: false };
    }
    return page(false);
  }

  *#makeCheckpoint(feed: Feed, commit: () => void): Generator {
    const stored = this.#stored;
    const { sql, state, journal, history, receipts } = stored;
    if (state.purging) yield* this.#purge();
    if (!journal.hasOld) journal.begin();
    const { number: generation, start: seq } = journal.current;
    yield* foldJournal(stored, () => this.#now);
    const { time } = feed;
    const live = yield* writeEntries(stored, feed);
    // The entries were written as they are in memory: the journal must have all that they show.
    commit();
    Object.assign(state, {
      generation,
      receiptsFrom: generation,
      seq,
      time,
      forgotten: feed.entries.forgotten,
      ...live,
    });
    writeState(sql, state);
    journal.dropOld();
    this.#setDue(feed);
    yield;
    while (history.trim(this.#limits.history)) yield;
    while (receipts.deleteExpired(this.#now)) yield;
  }

  /** Deletes what a reset left, so that rows of the new epoch can take its place. */
  *#purge(): Generator {
    const { sql, state, history } = this.#stored;
    while (history.purge()) yield;
    const some = `(SELECT chunk FROM checkpoint LIMIT ${schema.DELETED_ROWS})`;
    while (sql.exec(`DELETE FROM checkpoint WHERE chunk IN ${some}`).rowsWritten > 0) yield;
    state.purging = false;
    writeState(sql, state);
  }

  *#piece(after: number): Generator<string> {
    const { state, history, journal } = this.#stored;
    const row = state.purging ? undefined : history.after(after);
    if (row !== undefined) yield row;
    else yield* journal.records(journal.rowsAfter(state.generation, after, schema.HISTORY_ROW_LENGTH));
  }

  /** The newest piece of the log that begins before `end` and may have the key, with its start. */
  #pieceBefore(end: number, key: string): { texts: string[]; start: number } | undefined {
    const { state, history, journal } = this.#stored;
    const rows = journal.rowsBefore(state.generation, end, schema.HISTORY_ROW_LENGTH);
    const [first] = rows;
    if (first) return { texts: [...journal.records(rows)], start: first.start };
    const row = state.purging ? undefined : history.before(end, key);
    return row && { texts: row.records === undefined ? [] : [row.records], start: row.start };
  }

  /** Every record after this seq is still kept. */
  get #logStart(): number {
    const { state, history } = this.#stored;
    return (state.purging ? undefined : history.start) ?? state.seq;
  }

  #readPublish(ordinal: number): RememberedPublish | undefined {
    const { journal, receipts } = this.#stored;
    const row = journal.rowOfReceipt(ordinal);
    const [found] = row ? journal.read([row]) : [];
    const stored = found && readJournalText(found.text.receipts);
    return (stored && readReceipt(stored, ordinal)) ?? receipts.read(ordinal);
  }

  #setDue(feed: Feed): void {
    const { JOURNAL_LENGTH, LONGEST_JOURNAL } = schema;
    this.#due = Math.min(LONGEST_JOURNAL, Math.max(JOURNAL_LENGTH, feed.entries.length));
  }

  #create(epoch: string): void {
    const { sql, state } = this.#stored;
    state.epoch = epoch;
    createTables(sql, state);
    this.#exists = true;
  }
}
