import { hash32 } from "../../feed/state/hash.ts";
import { keysOf } from "../../feed/state/record-lines.ts";
import { DELETED_ROWS, HISTORY_ROW_COST } from "./schema.ts";

/** Rows whose filters one step looks at. */
const FILTERS_IN_A_STEP = 32;

/** The records that checkpoints moved out of the journal, in large rows, up to a total length. */
export class HistoryRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Every record from after this seq to `end` is here; undefined if there are none. */
  get start(): number | undefined {
    const [oldest] = this.#sql.exec<{ start: number }>("SELECT start FROM history ORDER BY seq LIMIT 1");
    return oldest?.start;
  }

  /** The seq at the end of the last row. */
  get end(): number | undefined {
    const [newest] = this.#sql.exec<{ seq: number }>("SELECT seq FROM history ORDER BY seq DESC LIMIT 1");
    return newest?.seq;
  }

  add(start: number, seq: number, records: string): void {
    this.#sql.exec(
      "INSERT INTO history (seq, start, length, records) VALUES (?, ?, ?, ?)",
      seq,
      start,
      records.length,
      records,
    );
    this.#sql.exec("INSERT OR REPLACE INTO history_keys (seq, keys) VALUES (?, ?)", seq, filterOf(keysOf(records)));
  }

  /** The first row that ends after `seq`. */
  after(seq: number): string | undefined {
    const [row] = this.#sql.exec<{ records: string }>(
      "SELECT records FROM history WHERE seq > ? ORDER BY seq LIMIT 1",
      seq,
    );
    return row?.records;
  }

  /**
   * The newest row that begins before `seq` and may have the key. If none of the rows that one step looks at has it, the
   * answer is only how far they reach. Undefined if there are no more rows.
   */
  before(seq: number, key: string): { start: number; records?: string } | undefined {
    const rows = this.#sql.exec<{ seq: number; start: number; keys: ArrayBuffer | null }>(
      `SELECT seq, start, keys FROM history LEFT JOIN history_keys USING (seq)
       WHERE start < ? ORDER BY seq DESC LIMIT ${FILTERS_IN_A_STEP}`,
      seq,
    );
    let passed: { start: number } | undefined;
    for (const { seq, start, keys } of rows.toArray()) {
      passed = { start };
      if (keys && !mayHave(keys, key)) continue;
      const { records } = this.#sql.exec<{ records: string }>("SELECT records FROM history WHERE seq = ?", seq).one();
      return { start, records };
    }
    return passed;
  }

  /** Deletes a few of the oldest rows beyond a length. Returns whether there are more. */
  trim(most: number): boolean {
    let length = 0;
    const rows = this.#sql.exec<{ seq: number; length: number }>("SELECT seq, length FROM history ORDER BY seq DESC");
    let beyond = 0;
    for (const row of rows) {
      length += row.length + HISTORY_ROW_COST;
      if (length > most) beyond++;
    }
    if (beyond > 0) this.#deleteOldest();
    return beyond > DELETED_ROWS;
  }

  /** Deletes a few rows. Returns whether there are more. */
  purge(): boolean {
    this.#deleteOldest();
    return this.start !== undefined;
  }

  #deleteOldest(): void {
    const oldest = `(SELECT seq FROM history ORDER BY seq LIMIT ${DELETED_ROWS})`;
    this.#sql.exec(`DELETE FROM history_keys WHERE seq IN ${oldest}`);
    this.#sql.exec(`DELETE FROM history WHERE seq IN ${oldest}`);
  }
}

/**
 * A Bloom filter of the keys in a stored row: a search for a rare key reads a few hundred bytes and can skip a row of
 * 256 KiB. With ten bits a key it says yes to one in a hundred keys that are not there.
 */
const BITS_A_KEY = 10;
const PROBES = 7;
const SEEDS: [number, number] = [0x9747b28c, 0x2c1b3c6d];

function filterOf(keys: ReadonlySet<string>): ArrayBuffer {
  const filter = new Uint8Array(Math.ceil((keys.size * BITS_A_KEY) / 8) + 1);
  for (const key of keys)
    for (const bit of bitsOf(key, filter)) filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7));
  return filter.buffer;
}

function mayHave(filter: ArrayBuffer, key: string): boolean {
  const bytes = new Uint8Array(filter);
  return bitsOf(key, bytes).every((bit) => ((bytes[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0);
}

function bitsOf(key: string, filter: Uint8Array): number[] {
  const [first, step] = [hash32(key, SEEDS[0]), hash32(key, SEEDS[1])];
  return Array.from({ length: PROBES }, (_, i) => (first + i * step) % (8 * filter.length));
}
