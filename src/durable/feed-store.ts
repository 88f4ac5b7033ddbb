import { Feed } from "../feed/feed.ts";
import type { RememberedPublish } from "../feed/idempotency.ts";
import type { Log, LogBatch, LogPiece, LogRecord } from "../feed/record.ts";
import { LIMITS, type FeedLimits } from "../protocol/limits.ts";
import type { Selection } from "../protocol/selection.ts";
import {
  decodeEntries,
  decodeReceipts,
  decodeRecords,
  encodeEntries,
  encodeReceipts,
  findKey,
  findUpdates,
  keyMark,
  packRecords,
} from "./rows.ts";
import * as schema from "./schema.ts";

export interface StoredFeed {
  readonly feed: Feed;
  /** Oldest first. */
  readonly remembered: readonly RememberedPublish[];
}

export interface HistoryPage {
  /** Oldest first; each with the server's time, which the publisher's own in the update overrides. */
  readonly updates: readonly { readonly seq: number; readonly time: number; readonly line: string }[];
  readonly more: boolean;
}

/** One feed in the object's SQLite storage. Every method is synchronous: what it writes is one transaction. */
export class FeedStore implements Log {
  readonly #sql: SqlStorage;
  readonly #limits: FeedLimits;
  #generation = 0;
  #slots = 0;
  #journalLength = 0;
  /** Receipts that stand in the current journal only. */
  #journalReceipts: RememberedPublish[] = [];
  #exists: boolean | undefined;

  constructor(sql: SqlStorage, limits: FeedLimits) {
    this.#sql = sql;
    this.#limits = limits;
  }

  /** Whether the feed has ever been published to (or reset). Asking writes nothing. */
  get exists(): boolean {
    this.#exists ??= this.#sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'feed'").toArray().length > 0;
    return this.#exists;
  }

  /** Reads the feed back. One that does not exist begins, under `epoch`, and is not written down yet. */
  load(now: number, epoch: string): StoredFeed {
    if (!this.exists) return { feed: Feed.begin(epoch, this.#limits), remembered: [] };
    const state = this.#sql.exec<FeedRow>("SELECT * FROM feed").one();
    if (state.format !== schema.FORMAT) throw new Error(`the feed is stored in format ${state.format}`);
    this.#generation = state.generation;
    const feed = new Feed(state, this.#limits);
    for (const { entries } of this.#sql.exec<{ entries: string }>("SELECT entries FROM checkpoint ORDER BY chunk")) {
      for (const entry of decodeEntries(entries)) feed.restore(entry);
    }
    const remembered: RememberedPublish[] = [];
    const rows = this.#sql.exec<{ receipts: string }>(
      "SELECT receipts FROM receipts WHERE expires > ? ORDER BY id",
      now,
    );
    for (const { receipts } of rows) remembered.push(...decodeReceipts(receipts));
    feed.replayAll(this.#loadJournal());
    remembered.push(...this.#journalReceipts);
    return { feed, remembered };
  }

  /** The journal's records, while its rows and receipts are counted. */
  *#loadJournal(): Generator<LogRecord> {
    for (const row of this.#journal()) {
      yield* decodeRecords(row.records);
      this.#journalReceipts.push(...decodeReceipts(row.receipts));
      this.#journalLength += row.length;
      this.#slots = row.slot + 1;
    }
  }

  /** Writes down what was accepted: most often one row. `feed` already stands after the records. */
  append(feed: Feed, records: readonly LogRecord[], remembered: readonly RememberedPublish[], now: number): void {
    if (!this.exists) this.#create(feed.epoch);
    const packs = packRecords(records, schema.JOURNAL_ROW_LENGTH);
    if (packs.length === 0) packs.push({ text: "", seq: feed.seq });
    for (const [i, { text, seq }] of packs.entries()) {
      const receipts = i === packs.length - 1 ? encodeReceipts(remembered) : "";
      const length = text.length + receipts.length;
      this.#sql.exec(
        `INSERT INTO journal (slot, generation, seq, length, receipts, records) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (slot) DO UPDATE SET generation = ?2, seq = ?3, length = ?4, receipts = ?5, records = ?6`,
        this.#slots++,
        this.#generation,
        seq,
        length,
        receipts,
        text,
      );
      this.#journalLength += length;
    }
    this.#journalReceipts.push(...remembered);
    const due = Math.max(schema.JOURNAL_LENGTH, feed.entries.length);
    if (this.#journalLength > due || this.#slots >= schema.JOURNAL_SLOTS) this.checkpoint(feed, now);
  }

  /** Writes all entries, moves the journal on to the history and begins a new one. */
  checkpoint(feed: Feed, now: number): void {
    let start = this.#sql.exec<{ seq: number }>("SELECT seq FROM feed").one().seq;
    for (const pack of this.#packJournal()) {
      this.#sql.exec(
        "INSERT INTO history (seq, start, length, records) VALUES (?, ?, ?, ?)",
        pack.seq,
        start,
        pack.text.length,
        pack.text,
      );
      start = pack.seq;
    }
    this.#trimHistory();
    this.#writeEntries(feed);
    this.#beginGeneration(feed, now);
  }

  /** Forgets everything but the remembered publishes, and begins anew. */
  reset(feed: Feed, now: number): void {
    if (!this.exists) this.#create(feed.epoch);
    this.#sql.exec("DELETE FROM history");
    this.#sql.exec("DELETE FROM checkpoint");
    this.#sql.exec("DELETE FROM journal");
    this.#beginGeneration(feed, now);
  }

  read(after: number, selection: Selection): LogPiece | undefined {
    if (after < this.#logStart()) return undefined;
    const batches: LogBatch[] = [];
    let seq = after;
    let length = 0;
    for (const records of this.exists ? this.#recordsAfter(after) : []) {
      if (length > 0 && length + records.length > schema.HISTORY_ROW_LENGTH) return { batches, seq, isEnd: false };
      seq = findUpdates(records, after, selection, batches);
      length += records.length;
    }
    return { batches, seq, isEnd: true };
  }

  /** The newest `limit` updates of a key before the seq `before`. */
  history(key: string, limit: number, before: number): HistoryPage {
    const found: HistoryPage["updates"][number][] = [];
    for (const records of this.exists ? this.#recordsNewestFirst(key, before) : []) {
      const updates = findKey(records, key).filter(({ seq }) => seq < before);
      found.unshift(...updates);
      if (found.length > limit) break;
    }
    return { updates: found.slice(-limit), more: found.length > limit };
  }

  *#recordsAfter(seq: number): Generator<string> {
    const rows = this.#sql.exec<{ records: string }>("SELECT records FROM history WHERE seq > ? ORDER BY seq", seq);
    for (const { records } of rows) yield records;
    const journal = this.#sql.exec<{ records: string }>(
      "SELECT records FROM journal WHERE generation = ? AND seq > ? AND records <> '' ORDER BY slot",
      this.#generation,
      seq,
    );
    for (const { records } of journal) yield records;
  }

  *#recordsNewestFirst(key: string, before: number): Generator<string> {
    const journal = this.#journal().toArray();
    for (const row of journal.toReversed()) yield row.records;
    const rows = this.#sql.exec<{ records: string }>(
      "SELECT records FROM history WHERE start < ? AND instr(records, ?) > 0 ORDER BY seq DESC",
      before,
      keyMark(key),
    );
    for (const { records } of rows) yield records;
  }

  #journal(): SqlStorageCursor<JournalRow> {
    return this.#sql.exec<JournalRow>(
      "SELECT slot, seq, length, receipts, records FROM journal WHERE generation = ? ORDER BY slot",
      this.#generation,
    );
  }

  /** The seq after which every record is still kept. */
  #logStart(): number {
    if (!this.exists) return 0;
    const [oldest] = this.#sql.exec<{ start: number }>("SELECT start FROM history ORDER BY seq LIMIT 1");
    return oldest?.start ?? this.#sql.exec<{ seq: number }>("SELECT seq FROM feed").one().seq;
  }

  #create(epoch: string): void {
    this.#sql.exec(schema.SCHEMA);
    this.#sql.exec("INSERT INTO feed VALUES (1, ?, ?, 0, 0, 0, 0)", schema.FORMAT, epoch);
    this.#exists = true;
  }

  *#packJournal(): Generator<{ text: string; seq: number }> {
    let pack: { text: string; seq: number } | undefined;
    for (const { records, seq } of this.#journal().toArray()) {
      if (records === "") continue;
      if (pack && pack.text.length + records.length > schema.HISTORY_ROW_LENGTH) {
        yield pack;
        pack = undefined;
      }
      pack = pack ? { text: `${pack.text}\n${records}`, seq } : { text: records, seq };
    }
    if (pack) yield pack;
  }

  #trimHistory(): void {
    let length = 0;
    const rows = this.#sql.exec<{ seq: number; length: number }>("SELECT seq, length FROM history ORDER BY seq DESC");
    for (const row of rows.toArray()) {
      length += row.length;
      if (length <= this.#limits.history) continue;
      this.#sql.exec("DELETE FROM history WHERE seq <= ?", row.seq);
      return;
    }
  }

  #writeEntries(feed: Feed): void {
    let chunks = 0;
    for (const entries of encodeEntries(feed.entries, schema.CHUNK_LENGTH)) {
      this.#sql.exec(
        "INSERT INTO checkpoint (chunk, entries) VALUES (?1, ?2) ON CONFLICT (chunk) DO UPDATE SET entries = ?2",
        chunks++,
        entries,
      );
    }
    this.#sql.exec("DELETE FROM checkpoint WHERE chunk >= ?", chunks);
  }

  #beginGeneration(feed: Feed, now: number): void {
    for (let i = 0; i < this.#journalReceipts.length; i += schema.RECEIPTS_IN_A_ROW) {
      this.#sql.exec(
        "INSERT INTO receipts (expires, receipts) VALUES (?, ?)",
        now + LIMITS.idempotencyWindow,
        encodeReceipts(this.#journalReceipts.slice(i, i + schema.RECEIPTS_IN_A_ROW)),
      );
    }
    this.#sql.exec("DELETE FROM receipts WHERE expires <= ?", now);
    // The next generation will most likely write over as many slots as this one had.
    this.#sql.exec("DELETE FROM journal WHERE slot >= ? AND length > ?", this.#slots, schema.DEAD_SLOT_LENGTH);
    this.#generation++;
    this.#slots = 0;
    this.#journalLength = 0;
    this.#journalReceipts = [];
    this.#sql.exec(
      "UPDATE feed SET epoch = ?, generation = ?, seq = ?, time = ?, forgotten = ?",
      feed.epoch,
      this.#generation,
      feed.seq,
      feed.time,
      feed.entries.forgotten,
    );
  }
}

type FeedRow = {
  format: number;
  epoch: string;
  generation: number;
  seq: number;
  time: number;
  forgotten: number;
};

type JournalRow = { slot: number; seq: number; length: number; receipts: string; records: string };
