import { Feed } from "../../feed/state/feed.ts";
import type { RememberedPublish } from "../../feed/state/idempotency.ts";
import { KnownPublishes } from "../../feed/state/known-publishes.ts";
import { PublisherSessions } from "../../feed/state/publisher-sessions.ts";
import type { Log, LogPiece, LogRecord } from "../../feed/state/record.ts";
import type { FeedRules } from "../../feed/state/feed-rules.ts";
import type { Selection } from "../../protocol/selection.ts";
import { foldJournal, openFeed, writeEntries, type Stored } from "./checkpoint.ts";
import { createTables, isStored, newState, readState, writeState } from "./state-row.ts";
import { HistoryRows } from "./history-rows.ts";
import { Journal } from "./journal.ts";
import { receiptLine, journalText, readJournalText, readReceipt } from "./receipt-lines.ts";
import { ReceiptRows } from "./receipt-rows.ts";
import { SessionRows } from "./session-rows.ts";
import { packRecords } from "../../feed/state/record-lines.ts";
import * as schema from "./schema.ts";
import { logLines, readLog, searchHistory, type HistoryPage } from "./stored-log.ts";

export interface StoredFeed {
  readonly feed: Feed;
  readonly known: KnownPublishes;
}

/** One feed in the object's SQLite storage. All that is written within one turn of the event loop is one transaction. */
export class FeedStore implements Log {
  readonly #rules: FeedRules;
  #stored: Stored;
  #exists: boolean | undefined;
  /** The steps of the checkpoint that is being made. */
  #checkpoint: Generator | undefined;
  /** The length of a journal at which the next checkpoint is due. */
  #due = schema.JOURNAL_LENGTH;
  #now = 0;
  /** As `load` has given them: a checkpoint writes them. */
  #sessions = new PublisherSessions();

  constructor(sql: SqlStorage, rules: FeedRules) {
    this.#rules = rules;
    const [journal, history, receipts] = [new Journal(sql), new HistoryRows(sql), new ReceiptRows(sql)];
    this.#stored = { sql, state: newState(""), journal, history, receipts, sessions: new SessionRows(sql) };
  }

  /** What the feed demands of values, if anything. */
  get check(): FeedRules["check"] {
    return this.#rules.check;
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
    this.#sessions = new PublisherSessions();
    const known = new KnownPublishes(this.#stored.state.seed, (ordinal) => this.#readPublish(ordinal), this.#sessions);
    const feed = new Feed(this.#stored.state, this.#rules);
    if (this.exists) openFeed(this.#stored, feed, known, now);
    this.#setDue(feed);
    return { feed, known };
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
    return this.exists ? readLog(this.#stored, after, selection) : { records: [], seq: after, isEnd: true };
  }

  /** A piece of the log as lines, see `logLines`. */
  lines(after: number): { lines: string; seq: number } | undefined {
    return this.exists ? logLines(this.#stored, after) : undefined;
  }

  /** See `searchHistory`. */
  *history(key: string, limit: number, before: number, room?: () => number): Generator<number, HistoryPage> {
    return this.exists ? yield* searchHistory(this.#stored, key, limit, before, room) : { updates: [], more: false };
  }

  *#makeCheckpoint(feed: Feed, commit: () => void): Generator {
    const stored = this.#stored;
    const { sql, state, journal, history, receipts, sessions } = stored;
    if (state.purging) yield* this.#purge();
    if (!journal.hasOld) journal.begin();
    const { number: generation, start: seq } = journal.current;
    yield* foldJournal(stored, () => this.#now);
    const { time } = feed;
    yield* sessions.write(this.#sessions, this.#now, commit);
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
    sessions.finish();
    journal.dropOld();
    this.#setDue(feed);
    yield;
    while (history.trim(this.#rules.history)) yield;
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
