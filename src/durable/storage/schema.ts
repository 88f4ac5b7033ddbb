/**
 * The tables of one feed.
 *
 * A commit writes one row: its records go into the next `journal` slot, together with the receipts to remember. Slots are
 * used again later: writing over a row costs one written row, and deleting it costs a second one.
 *
 * A checkpoint is made in steps, between which the feed goes on. It begins a new generation of the journal, on slots of
 * its own (a *side*); what is committed meanwhile goes there. Then the records of the older generations move on to
 * `history`, their receipts to `publishes`, and all entries are written as a few large `checkpoint` rows, beside those of the
 * last checkpoint. An entry that changes meanwhile is stored as it is at the moment at which it is written, with its seq:
 * when the feed is opened, updates of the new generation up to that seq are passed over. At the end one row is changed,
 * `feed`: it says which generations and which checkpoint rows count, and all others are dead. A crash before that leaves
 * the old checkpoint and both generations, and the next checkpoint begins from there.
 *
 * Large columns come last: SQLite then reads the small ones without them.
 */
export const SCHEMA = `
CREATE TABLE feed (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  format INTEGER NOT NULL,
  epoch TEXT NOT NULL,
  generation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  forgotten INTEGER NOT NULL
);
CREATE TABLE journal (
  slot INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  length INTEGER NOT NULL,
  receipts TEXT NOT NULL,
  records TEXT NOT NULL
);
CREATE TABLE checkpoint (
  chunk INTEGER PRIMARY KEY,
  entries TEXT NOT NULL
);
CREATE TABLE history (
  seq INTEGER PRIMARY KEY,
  start INTEGER NOT NULL,
  length INTEGER NOT NULL,
  records TEXT NOT NULL
);
`;

/**
 * What format 2 adds: `receipts_from`, the first generation whose receipts count (records count from `generation` on, which
 * a reset moves at once); the live rows of `checkpoint`; whether `history` is what a reset left to be deleted; the seed of
 * the hashes. `history_keys` has a filter of the keys of each history row (see history-rows.ts). `publishes.first` is the
 * ordinal of the row's first receipt; `hashes` has two numbers of 32 bits for each receipt.
 */
export const SCHEMA_2 = `
ALTER TABLE feed ADD COLUMN receipts_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN chunk INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN chunks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN purging INTEGER NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN seed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE history_keys (
  seq INTEGER PRIMARY KEY,
  keys BLOB NOT NULL
);
CREATE TABLE publishes (
  first INTEGER PRIMARY KEY,
  until INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  receipts TEXT NOT NULL
);
`;

/** Made with the first checkpoint of a feed that has publisher sessions (see session-rows.ts). */
export const SESSIONS = `
CREATE TABLE IF NOT EXISTS sessions (
  chunk INTEGER PRIMARY KEY,
  sessions TEXT NOT NULL
);
`;

/** Version of the tables and of the row format. A feed that is stored in a later version is not opened. */
export const FORMAT = 2;

/** Slots of one side of `journal` or `checkpoint`: more than are ever used. */
export const SIDE = 2 ** 20;

/*
 * A row has at most 2,000,000 bytes. The lengths here are in characters, each of which may take three bytes: a journal row
 * with one batch of the largest size and its receipts stays below (393,216 + 1,250,000 + 196,608), and so does a
 * checkpoint row with one entry more than its length.
 */

/** Length of records in one journal row before another row is begun. */
export const JOURNAL_ROW_LENGTH = 128 * 1024;
/** Length of receipts in one journal row, or in one row of `publishes`. */
export const RECEIPTS_LENGTH = 64 * 1024;
/**
 * A checkpoint is due when the journal is longer than `JOURNAL_LENGTH` and than the entries, so that rewriting them at most
 * doubles what is written; but at `LONGEST_JOURNAL` at the latest, which bounds what is read to open a feed.
 */
export const JOURNAL_LENGTH = 256 * 1024;
export const LONGEST_JOURNAL = 4 * 1024 * 1024;
/** Most rows of a journal. This bounds the rows that opening the feed has to read. */
export const JOURNAL_SLOTS = 4096;
/** A dead slot beyond those that were last in use is deleted if it is longer than this; else it is kept to write over. */
export const DEAD_SLOT_LENGTH = 64 * 1024;
/** Length of a checkpoint row. */
export const CHUNK_LENGTH = 512 * 1024;
/** Length of a history row. It is shorter, because a search reads whole rows. */
export const HISTORY_ROW_LENGTH = 256 * 1024;
/** What a history row counts for in addition to its length, so that the number of rows is bounded too. */
export const HISTORY_ROW_COST = 4 * 1024;
/** Rows that are deleted in one step. */
export const DELETED_ROWS = 4;
