import { ordinalOf } from "./receipt-lines.ts";
import { DEAD_SLOT_LENGTH, SIDE } from "./schema.ts";

/** What the memory keeps of a row that counts. */
export interface JournalRow {
  readonly slot: number;
  /** The feed's seq before it, and at its end. */
  readonly start: number;
  readonly seq: number;
  readonly length: number;
  /** Ordinal of its first receipt; undefined if it has none. */
  readonly ordinal: number | undefined;
}

export interface JournalText {
  readonly receipts: string;
  readonly records: string;
}

/** Limits the rows of a piece: small rows cost more than their length. */
const ROWS_IN_A_PIECE = 512;

interface Generation {
  readonly number: number;
  readonly side: number;
  /** The feed's seq when it began. */
  readonly start: number;
  readonly rows: JournalRow[];
  /** The rows that have receipts. */
  readonly receipts: JournalRow[];
  /** Characters. */
  length: number;
}

/** The rows that commits write, in generations: the newest is written to, a checkpoint folds the others away. */
export class Journal {
  readonly #sql: SqlStorage;
  /** Oldest first. */
  #generations: Generation[] = [];
  /** As `end`. */
  #end = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#begin(0);
  }

  /** The generation that is written to. */
  get current(): Generation {
    const current = this.#generations.at(-1);
    if (!current) throw new Error("the journal is not open");
    return current;
  }

  /** Whether there are older generations. */
  get hasOld(): boolean {
    return this.#generations.length > 1;
  }

  /** The rows of the older generations, oldest first, in pieces of about a length. */
  *oldPieces(length: number): Generator<{ generation: number; rows: readonly JournalRow[] }> {
    for (const { number, rows } of this.#generations.slice(0, -1)) {
      for (let start = 0; start < rows.length;) {
        const end = endOfPiece(rows, start, length);
        yield { generation: number, rows: rows.slice(start, end) };
        start = end;
      }
    }
  }

  /** The feed's seq at the end of what is written. */
  get end(): number {
    return this.#end;
  }

  /**
   * Loads the stored rows from a generation on, and yields them. The records of the generation `live` begin after `seq`. The
   * caller has to go through to the end.
   */
  *load(from: number, live: number, seq: number): Generator<{ generation: number; text: JournalText }> {
    this.#generations = [];
    this.#end = seq;
    const stored = this.#sql.exec<{ generation: number; side: number }>(
      `SELECT DISTINCT generation, slot / ${SIDE} AS side FROM journal WHERE generation >= ? ORDER BY generation`,
      from,
    );
    for (const { generation, side } of stored.toArray()) {
      this.#begin(generation, side);
      const rows = this.#sql.exec<StoredRow>(
        `SELECT slot, seq, length, receipts, records FROM journal
         WHERE generation = ? AND slot >= ? AND slot < ? ORDER BY slot`,
        generation,
        side * SIDE,
        (side + 1) * SIDE,
      );
      for (const { slot, seq, length, receipts, records } of rows) {
        this.#add({ slot, start: this.#end, seq, length, ordinal: ordinalOf(receipts) });
        if (generation >= live) this.#end = seq;
        yield { generation, text: { receipts, records } };
      }
    }
    // A reset leaves only older generations, kept for their receipts.
    if ((this.#generations.at(-1)?.number ?? -1) < live) this.#begin(live);
  }

  /** Begins a generation after the last row; after a reset, at seq 0. */
  begin(seq = this.#end): void {
    this.#end = seq;
    this.#begin(this.current.number + 1);
  }

  #begin(number: number, side = this.#freeSide()): void {
    this.#generations.push({ number, side, start: this.#end, rows: [], receipts: [], length: 0 });
  }

  /** A side that no generation uses. */
  #freeSide(): number {
    let side = 0;
    while (this.#generations.some((other) => other.side === side)) side++;
    return side;
  }

  #add(row: JournalRow): void {
    const current = this.current;
    current.rows.push(row);
    if (row.ordinal !== undefined) current.receipts.push(row);
    current.length += row.length;
  }

  append(seq: number, { receipts, records }: JournalText): void {
    const { number, side, rows } = this.current;
    const slot = side * SIDE + rows.length;
    const length = records.length + receipts.length;
    this.#sql.exec(
      `INSERT INTO journal (slot, generation, seq, length, receipts, records) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (slot) DO UPDATE SET generation = ?2, seq = ?3, length = ?4, receipts = ?5, records = ?6`,
      slot,
      number,
      seq,
      length,
      receipts,
      records,
    );
    this.#add({ slot, start: this.#end, seq, length, ordinal: ordinalOf(receipts) });
    this.#end = seq;
  }

  /** The text of neighbouring rows. */
  read(rows: readonly JournalRow[]): { row: JournalRow; text: JournalText }[] {
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return [];
    const texts = this.#sql
      .exec<StoredRow>(
        "SELECT receipts, records FROM journal WHERE slot >= ? AND slot <= ? ORDER BY slot",
        first.slot,
        last.slot,
      )
      .toArray();
    return rows.flatMap((row, i) => (texts[i] ? { row, text: texts[i] } : []));
  }

  /** Drops the generations before the newest: their rows are dead. */
  dropOld(): void {
    for (const { side, rows } of this.#generations.splice(0, this.#generations.length - 1)) {
      // The next generation on this side most likely writes over as many slots as this one had. There are more than two
      // sides only after resets.
      this.#sql.exec(
        "DELETE FROM journal WHERE slot >= ? AND slot < ? AND length > ?",
        side * SIDE + (side > 1 ? 0 : rows.length),
        (side + 1) * SIDE,
        side > 1 ? -1 : DEAD_SLOT_LENGTH,
      );
    }
  }

  /** The row that has a receipt. */
  rowOfReceipt(ordinal: number): JournalRow | undefined {
    let found: JournalRow | undefined;
    for (const { receipts } of this.#generations) {
      found = receipts.findLast((row) => (row.ordinal ?? 0) <= ordinal) ?? found;
    }
    return found;
  }

  /** Rows from a generation on that end after `seq`: oldest first, of one generation, up to a length, and at least one. */
  rowsAfter(generation: number, seq: number, length: number): readonly JournalRow[] {
    for (const { number, rows } of this.#generations) {
      if (number < generation) continue;
      const start = rows.findIndex((row) => row.seq > seq);
      if (start !== -1) return rows.slice(start, endOfPiece(rows, start, length));
    }
    return [];
  }

  /** The newest rows from a generation on that begin before `seq`; otherwise like `rowsAfter`. */
  rowsBefore(generation: number, seq: number, length: number): readonly JournalRow[] {
    for (const { number, rows } of this.#generations.toReversed()) {
      if (number < generation) continue;
      const end = 1 + rows.findLastIndex((row) => row.start < seq);
      if (end === 0) continue;
      let start = end - 1;
      for (let sum = rows[start]?.length ?? 0; start > 0 && end - start < ROWS_IN_A_PIECE; start--) {
        sum += rows[start - 1]?.length ?? 0;
        if (sum > length) break;
      }
      return rows.slice(start, end);
    }
    return [];
  }

  /** The records of such rows. */
  records(rows: readonly JournalRow[]): string[] {
    return this.read(rows).map(({ text }) => text.records);
  }
}

type StoredRow = { slot: number; seq: number; length: number; receipts: string; records: string };

/** The index after the last row of a piece that begins at `start`: within the length, but with at least one row. */
function endOfPiece(rows: readonly JournalRow[], start: number, length: number): number {
  let end = start + 1;
  for (let sum = rows[start]?.length ?? 0; end < rows.length && end < start + ROWS_IN_A_PIECE; end++) {
    sum += rows[end]?.length ?? 0;
    if (sum > length) break;
  }
  return end;
}
