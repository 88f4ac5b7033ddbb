import { FORMAT, SCHEMA, SCHEMA_2 } from "./schema.ts";

/** The row of a feed that says which of its other rows count (see schema.ts). */
export interface StateRow {
  epoch: string;
  generation: number;
  seq: number;
  time: number;
  forgotten: number;
  receiptsFrom: number;
  chunk: number;
  chunks: number;
  purging: boolean;
  seed: number;
}

/** Whether the feed was ever published to, or reset. Asking writes nothing. */
export function isStored(sql: SqlStorage): boolean {
  return sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'feed'").toArray().length > 0;
}

export function newState(epoch: string): StateRow {
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  const nothing = { seq: 0, time: 0, forgotten: 0, chunk: 0, chunks: 0 };
  return { ...nothing, epoch, generation: 0, receiptsFrom: 0, purging: false, seed };
}

export function createTables(sql: SqlStorage, state: StateRow): void {
  sql.exec(SCHEMA);
  sql.exec(SCHEMA_2);
  sql.exec(
    "INSERT INTO feed (id, format, epoch, generation, seq, time, forgotten) VALUES (1, ?, '', 0, 0, 0, 0)",
    FORMAT,
  );
  writeState(sql, state);
}

/** Reads the row; a feed of format 1 becomes one of format 2. */
export function readState(sql: SqlStorage): StateRow {
  const { format } = sql.exec<{ format: number }>("SELECT format FROM feed").one();
  if (format === 1) upgrade(sql);
  else if (format !== FORMAT) throw new Error(`the feed is stored in format ${format}`);
  const row = sql
    .exec<Omit<StateRow, "purging"> & { purging: number }>(
      `SELECT epoch, generation, seq, time, forgotten, receipts_from AS receiptsFrom, chunk, chunks, purging, seed FROM feed`,
    )
    .one();
  return { ...row, purging: row.purging === 1 };
}

export function writeState(sql: SqlStorage, state: StateRow): void {
  sql.exec(
    `UPDATE feed SET epoch = ?, generation = ?, seq = ?, time = ?, forgotten = ?, receipts_from = ?, chunk = ?,
     chunks = ?, purging = ?, seed = ?`,
    state.epoch,
    state.generation,
    state.seq,
    state.time,
    state.forgotten,
    state.receiptsFrom,
    state.chunk,
    state.chunks,
    state.purging ? 1 : 0,
    state.seed,
  );
}

function upgrade(sql: SqlStorage): void {
  sql.exec(SCHEMA_2);
  sql.exec(
    `UPDATE feed SET format = ?, receipts_from = generation, chunks = (SELECT count(*) FROM checkpoint), seed = ?`,
    FORMAT,
    newState("").seed,
  );
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** A new epoch: 50 random bits in ten characters, which are short and never come twice. */
export function newEpoch(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => ALPHABET[byte & 31]).join("");
}
