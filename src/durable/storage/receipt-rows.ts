import type { RememberedPublish } from "../../feed/state/idempotency.ts";
import { LIMITS } from "../../protocol/limits.ts";
import type { Hashes } from "../../feed/state/remembered-span.ts";
import { receiptHashes, readReceipt, type StoredReceipts } from "./receipt-lines.ts";
import { RECEIPTS_LENGTH } from "./schema.ts";

/** Rows that are deleted in one step. They are small. */
const DELETED_ROWS = 16;

/** Ordinals of publishes of sessions between two receipts of one row. Each takes nine bytes, and another row costs more. */
const WIDEST_GAP = 256;

/** The receipts that checkpoints moved out of the journal, with the hashes by which they are found. */
export class ReceiptRows {
  readonly #sql: SqlStorage;
  /** Receipts that are too few for a row yet. The journal still has them. */
  #gathered: (StoredReceipts & { newest: number; next: number }) | undefined;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Hands over the hashes of all receipts that still count, in order. */
  load(now: number, take: (ordinal: number, hashes: Hashes, at: number) => void): void {
    const rows = this.#sql.exec<{ first: number; until: number; hashes: ArrayBuffer }>(
      "SELECT first, until, hashes FROM publishes WHERE until > ? ORDER BY first",
      now,
    );
    for (const { first, until, hashes } of rows) {
      const words = new Uint32Array(hashes);
      for (let i = 0; i < words.length; i += 2) {
        const pair = { key: words[i] ?? 0, credential: words[i + 1] ?? 0 };
        if (pair.key === 0 && pair.credential === 0) continue;
        take(first + i / 2, pair, until - LIMITS.idempotencyWindow);
      }
    }
  }

  read(ordinal: number): RememberedPublish | undefined {
    const [row] = this.#sql.exec<{ first: number; lines: string }>(
      "SELECT first, receipts AS lines FROM publishes WHERE first <= ? ORDER BY first DESC LIMIT 1",
      ordinal,
    );
    return row && readReceipt(row, ordinal);
  }

  /** The ordinal after the last receipt here. */
  get end(): number {
    const [last] = this.#sql.exec<{ next: number }>(
      "SELECT first + length(hashes) / 8 AS next FROM publishes ORDER BY first DESC LIMIT 1",
    );
    return last?.next ?? 0;
  }

  /** Adds receipts, in order. Those that have expired are left out. */
  add(receipts: StoredReceipts, now: number): void {
    let [newest, next] = [0, receipts.first];
    for (const { at, ordinal } of receiptHashes(receipts)) [newest, next] = [Math.max(newest, at), ordinal + 1];
    if (newest + LIMITS.idempotencyWindow <= now) return;
    const gap = receipts.first - (this.#gathered?.next ?? 0);
    if (gap < 0 || gap > WIDEST_GAP) this.flush();
    const before = this.#gathered;
    this.#gathered = {
      first: before?.first ?? receipts.first,
      lines: before ? `${before.lines}${"\n".repeat(gap + 1)}${receipts.lines}` : receipts.lines,
      newest: Math.max(before?.newest ?? 0, newest),
      next,
    };
    if (this.#gathered.lines.length >= RECEIPTS_LENGTH) this.flush();
  }

  /** Writes what was gathered. */
  flush(): void {
    const gathered = this.#gathered;
    this.#gathered = undefined;
    if (!gathered) return;
    const words = new Uint32Array(2 * (gathered.next - gathered.first));
    for (const { ordinal, hashes } of receiptHashes(gathered)) {
      words.set([hashes.key, hashes.credential], 2 * (ordinal - gathered.first));
    }
    this.#sql.exec(
      "INSERT OR REPLACE INTO publishes (first, until, hashes, receipts) VALUES (?, ?, ?, ?)",
      gathered.first,
      gathered.newest + LIMITS.idempotencyWindow,
      words.buffer,
      gathered.lines,
    );
  }

  /** Drops what was gathered: its checkpoint is given up. */
  discard(): void {
    this.#gathered = undefined;
  }

  /** Deletes a few receipts that have expired. Returns whether there may be more. */
  deleteExpired(now: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      `DELETE FROM publishes WHERE first IN (SELECT first FROM publishes WHERE until <= ? LIMIT ${DELETED_ROWS})`,
      now,
    );
    return rowsWritten >= DELETED_ROWS;
  }
}
