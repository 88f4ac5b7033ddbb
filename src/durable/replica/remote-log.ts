import { findUpdates } from "../../feed/state/record-lines.ts";
import type { Log, LogPiece, SelectedRecord } from "../../feed/state/record.ts";
import type { Selection } from "../../protocol/selection.ts";
import { RecentRecords } from "../../replication/recent-records.ts";
import type { LogLines } from "../links/rpc.ts";

/** Characters of the newest records that a replica keeps: what most clients lack that come back. */
const RECENT_LENGTH = 1024 * 1024;
/** Pieces of the leader's log that are kept, of about 256 KB each: readers that come back together lack the same. */
const PIECES = 4;

/**
 * The log of a feed at a replica: the newest records from its memory, what is older from the leader, piece by piece. While a
 * piece is on its way, readers are told to ask again.
 */
export class RemoteLog implements Log {
  readonly recent: RecentRecords;
  readonly #fetch: (after: number) => Promise<LogLines | undefined>;
  /** By the seq that they begin after. Undefined if the leader has no such piece; a promise while it is on its way. */
  readonly #pieces = new Map<number, LogLines | undefined | Promise<void>>();

  /** `fetch` asks the leader for the piece after a seq; undefined if there is none. */
  constructor(seq: number, fetch: (after: number) => Promise<LogLines | undefined>) {
    this.recent = new RecentRecords(RECENT_LENGTH, seq);
    this.#fetch = fetch;
  }

  read(after: number, selection: Selection): LogPiece | "later" | undefined {
    const near = this.recent.read(after, selection);
    if (near) return near;
    if (!this.#pieces.has(after)) this.#load(after);
    const piece = this.#pieces.get(after);
    if (piece instanceof Promise) return "later";
    if (!piece) {
      // Asked for once more if another reader comes.
      this.#pieces.delete(after);
      return undefined;
    }
    // The leader may be ahead of what is served here.
    const { end } = this.recent;
    const records: SelectedRecord[] = [];
    findUpdates(piece.lines, after, selection, records);
    return { records: records.filter(({ seq }) => seq <= end), seq: Math.min(piece.seq, end), isEnd: false };
  }

  #load(after: number): void {
    const loading = this.#fetch(after).then(
      (piece) => this.#keep(after, piece),
      // The leader cannot be reached: the reader gets a snapshot instead.
      () => this.#keep(after, undefined),
    );
    this.#keep(after, loading);
  }

  #keep(after: number, piece: LogLines | undefined | Promise<void>): void {
    this.#pieces.delete(after);
    this.#pieces.set(after, piece);
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= PIECES) return;
      this.#pieces.delete(oldest);
    }
  }
}
