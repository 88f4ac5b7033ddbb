import { findUpdates } from "../../feed/state/record-lines.ts";
import type { Log, LogPiece, SelectedRecord } from "../../feed/state/record.ts";
import type { Selection } from "../../protocol/selection.ts";
import { inTime } from "../../limits/in-time.ts";
import { RecentRecords } from "../../replication/recent-records.ts";
import { askPatiently } from "./ask-patiently.ts";
import type { LogLines } from "../links/rpc.ts";

/** Characters of the newest records that a replica keeps: what most clients lack that come back. */
const RECENT_LENGTH = 1024 * 1024;
/**
 * Pieces of the leader's log that are kept or on their way, of about 256 KB each, 1 MB at most: readers that come back
 * together lack the same.
 */
const PIECES = 4;
/** Milliseconds for which a piece that no reader has had yet is kept, and for which one that is on its way keeps its place. */
const [UNREAD, ON_ITS_WAY] = [1_000, 10_000];

interface Piece {
  /** The seq that it begins after. */
  readonly after: number;
  /** Undefined while it is on its way. */
  lines: LogLines | "none" | undefined;
  isRead: boolean;
  /** Until when its place is not for another though nobody has read it. */
  until: number;
}

/**
 * The log of a feed at a replica: the newest records from its memory, what is older from the leader, piece by piece. While a
 * piece is on its way, readers are told to ask again. A piece gives way to another only once somebody has read it: many
 * readers at many places would else take them from each other before any gets on.
 */
export class RemoteLog implements Log {
  readonly recent: RecentRecords;
  readonly #fetch: (after: number) => Promise<LogLines | undefined>;
  readonly #now: () => number;
  /** Oldest first. */
  readonly #pieces: Piece[] = [];

  /** `fetch` asks the leader for the piece after a seq; undefined if there is none. `now`: milliseconds that never go backwards. */
  constructor(seq: number, fetch: (after: number) => Promise<LogLines | undefined>, now: () => number) {
    this.recent = new RecentRecords(RECENT_LENGTH, seq);
    this.#fetch = fetch;
    this.#now = now;
  }

  read(after: number, selection: Selection, atHand = false): LogPiece | "later" | undefined {
    const near = this.recent.read(after, selection);
    if (near || atHand) return near;
    const piece = this.#pieces.find((piece) => has(piece, after)) ?? this.#load(after);
    if (!piece?.lines) return "later";
    piece.isRead = true;
    if (piece.lines === "none") {
      // Asked for once more if another reader comes.
      this.#pieces.splice(this.#pieces.indexOf(piece), 1);
      return undefined;
    }
    // The leader may be ahead of what is served here.
    const { end } = this.recent;
    const records: SelectedRecord[] = [];
    findUpdates(piece.lines.lines, after, selection, records);
    return { records: records.filter(({ seq }) => seq <= end), seq: Math.min(piece.lines.seq, end), isEnd: false };
  }

  /** Has a piece come from the leader; undefined if there is no place for it yet. */
  #load(after: number): Piece | undefined {
    const now = this.#now();
    if (this.#pieces.length >= PIECES) {
      const over = this.#pieces.findIndex(({ isRead, until }) => isRead || until <= now);
      if (over === -1) return undefined;
      this.#pieces.splice(over, 1);
    }
    const piece: Piece = { after, lines: undefined, isRead: false, until: now + ON_ITS_WAY };
    this.#pieces.push(piece);
    const came = (lines: LogLines | undefined): void => {
      piece.lines = lines ?? "none";
      piece.until = this.#now() + UNREAD;
    };
    // If the leader cannot be reached, the reader gets a snapshot instead.
    void askPatiently(() => inTime(this.#fetch(after), ON_ITS_WAY, silent)).then(came, () => came(undefined));
    return piece;
  }
}

function silent(): Error {
  return new Error("the leader has fallen silent");
}

function has({ after, lines }: Piece, wanted: number): boolean {
  return after === wanted || (typeof lines === "object" && after < wanted && wanted < lines.seq);
}
