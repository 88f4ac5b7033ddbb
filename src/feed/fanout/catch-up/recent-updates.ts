import type { Selection } from "../../../protocol/selection.ts";
import { selects } from "../../../protocol/selection.ts";
import { isAscii, ownText } from "../../../protocol/json-scan.ts";
import type { CutValue } from "../../state/accepted-update.ts";
import { seqAfter, type LogRecord } from "../../state/record.ts";
import { COST, type WorkMeter } from "../work.ts";

/** Characters of keys and patches that are kept, and updates: half a megabyte each. */
const KEPT = { length: 256 * 1024, updates: 4_096 };

interface RecentUpdate {
  readonly seq: number;
  readonly key: string;
  /** The patch, of an entry that was there; undefined if the update concerns all who select the key. */
  readonly patch: string | undefined;
  readonly length: number;
}

/**
 * The newest committed updates, as far as they tell whom they concern. When very many subscribers with fields of their own
 * have missed the last few updates, each would else have a look into the log for itself.
 */
export class RecentUpdates {
  /** Oldest first. */
  #updates: RecentUpdate[] = [];
  /** All updates after this seq are here, up to the other one. */
  #start = Infinity;
  #end = Infinity;
  #length = 0;
  /** Nothing is kept before somebody asks. */
  #isAsked = false;

  /** Whether it has all updates after the seq `from`, up to the seq `to`. */
  covers(from: number, to: number): boolean {
    this.#isAsked = true;
    return from >= this.#start && to === this.#end;
  }

  add(records: readonly LogRecord[]): void {
    if (!this.#isAsked) return;
    this.#start = Math.min(this.#start, records[0]?.from ?? Infinity);
    for (const record of records) {
      for (const { seq, key, meetsEntry, valueText } of record.updates) {
        const patch = meetsEntry ? valueText : undefined;
        this.#add(seq, key, patch);
      }
      this.#end = seqAfter(record);
      this.#trim();
    }
  }

  /** Forgets all: the feed was reset. */
  clear(): void {
    this.#updates = [];
    this.#length = 0;
    this.#start = Infinity;
  }

  /** The keys of a selection that were touched after a seq, by more than patches of which `cut` leaves nothing. */
  touchedSince(seq: number, selection: Selection, cut: CutValue, meter: WorkMeter): ReadonlySet<string> {
    const keys = new Set<string>();
    // The newest first: for most keys that is enough, and it is the same one for all who ask.
    for (let i = this.#updates.length - 1; i >= 0; i--) {
      const update = this.#updates[i];
      if (!update || update.seq <= seq) break;
      meter.work += COST.key;
      const { key, patch } = update;
      if (keys.has(key) || !selects(selection, key)) continue;
      if (patch === undefined || cut(patch) !== "{}") keys.add(key);
    }
    return keys;
  }

  #add(seq: number, key: string, patch: string | undefined): void {
    const length = key.length + (patch?.length ?? 0);
    this.#length += length;
    // Copies: they are parts of the publish that they came in.
    const own = patch === undefined ? undefined : ownText(patch, isAscii(patch));
    this.#updates.push({ seq, key: ownText(key, isAscii(key)), patch: own, length });
  }

  /** Forgets the oldest, half of all at once. */
  #trim(): void {
    if (this.#length <= KEPT.length && this.#updates.length <= KEPT.updates) return;
    let length = this.#length;
    let first = 0;
    while (length > KEPT.length / 2 || this.#updates.length - first > KEPT.updates / 2) {
      length -= this.#updates[first++]?.length ?? 0;
    }
    this.#start = this.#updates[first - 1]?.seq ?? this.#start;
    this.#updates.splice(0, first);
    this.#length = length;
  }
}
