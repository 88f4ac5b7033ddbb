/**
 * The tables of one feed.
 *
 * A publish writes one row: its records go into the next `journal` slot, and the receipts to remember with them. Slots
 * are used again after each checkpoint, because writing over a row costs one written row and deleting it a second. A
 * checkpoint writes all entries as a few large `checkpoint` rows, moves the journal's records on to `history` and
 * begins the next generation; rows of older generations are dead.
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
CREATE TABLE receipts (
  id INTEGER PRIMARY KEY,
  expires INTEGER NOT NULL,
  receipts TEXT NOT NULL
);
`;

/** Version of the tables and of the row format. A stored feed of another version is not opened. */
export const FORMAT = 1;

/**
 * Records written to one journal row, in characters, before another row is begun. With one batch of the largest size
 * on top, and three bytes a character, a row stays below SQLite's 2 MB here.
 */
export const JOURNAL_ROW_LENGTH = 128 * 1024;
/** The journal is checkpointed when it is longer than this and than the entries: rewriting them at most doubles what is written. */
export const JOURNAL_LENGTH = 256 * 1024;
/** Most rows of a journal: bounds the rows that a wake-up has to read. */
export const JOURNAL_SLOTS = 4096;
/** A dead slot beyond those last in use that holds more than this is deleted rather than kept for writing over. */
export const DEAD_SLOT_LENGTH = 64 * 1024;
/** One checkpoint or history row, in characters; below 2 MB with three bytes each. */
export const CHUNK_LENGTH = 512 * 1024;
/** History rows are smaller: a search reads whole rows. */
export const HISTORY_ROW_LENGTH = 256 * 1024;
/** A receipt takes up to a kilobyte, where its key is long and all of it must be escaped. */
export const RECEIPTS_IN_A_ROW = 1000;
