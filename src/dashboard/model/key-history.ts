import type { HistoryAnswer } from "../../protocol/answers.ts";
import type { JsonObject } from "../../protocol/json.ts";
import { applyMergePatch } from "../../protocol/merge-patch.ts";
import { fieldAt } from "./columns.ts";
import { numberOf } from "./format.ts";

/** A key's value from one update on. */
export interface PastValue {
  readonly seq: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Undefined after a deletion. */
  readonly value: JsonObject | undefined;
}

export interface PastValues {
  /** Oldest first. Before the first `set` of the page, a value has only the fields that patches changed. */
  readonly values: readonly PastValue[];
  /** There are older updates before this seq. Undefined if there are none. */
  readonly before: number | undefined;
}

/** Replays the updates of a page of history. */
export function replay({ updates, more }: Pick<HistoryAnswer, "updates" | "more">): PastValues {
  const values: PastValue[] = [];
  let value: JsonObject | undefined;
  for (const update of updates) {
    if ("set" in update) value = update.set;
    else value = "patch" in update ? applyMergePatch(value, update.patch) : undefined;
    values.push({ seq: update.seq, time: update.time, value });
  }
  return { values, before: more ? values[0]?.seq : undefined };
}

/** A number, and when the field got it (milliseconds since 1970). */
export interface Point {
  readonly time: number;
  readonly value: number;
}

/** Values that are kept. The oldest are dropped first. */
const MAX_VALUES = 20_000;

/** The values of one key over time: its history, and what came live since. */
export class KeyHistory {
  #values: PastValue[] = [];

  get values(): readonly PastValue[] {
    return this.#values;
  }

  /** Puts older values in front. Values that are there already (by their seq) are left out. */
  prepend(older: readonly PastValue[]): void {
    const first = this.#values[0]?.seq ?? Number.POSITIVE_INFINITY;
    this.#values = [...older.filter(({ seq }) => seq < first), ...this.#values].slice(-MAX_VALUES);
  }

  /**
   * Adds the newest page of history, and keeps what is older than the page. `known`: how many values there were when the
   * page was requested. The page has all of those. A value that came live since then is kept if it is newer than the page.
   * (The seq alone cannot tell: a live value has the seq of its message, which may be higher than the update's own.)
   */
  load(page: readonly PastValue[], known: number): void {
    const [first, last] = [page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0];
    const older = this.#values.filter(({ seq }) => seq < first);
    const newer = this.#values.slice(known).filter(({ seq }) => seq > last);
    this.#values = [...older, ...page, ...newer];
  }

  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#values.push({ seq, time, value });
    // Many at a time: cutting the front of an array takes as long as the array is long.
    if (this.#values.length > MAX_VALUES * 1.1) this.#values = this.#values.slice(-MAX_VALUES);
  }

  /** The points of one field, one for each change of it. Their times strictly increase, as charts need it. */
  points(path: readonly string[]): Point[] {
    const points: Point[] = [];
    let last: number | undefined;
    for (const past of this.#values) {
      const value = past.value === undefined ? undefined : numberOf(fieldAt(past.value, path));
      if (value === undefined || value === last) continue;
      points.push({ time: timeAfter(points.at(-1)?.time, past.time), value });
      last = value;
    }
    return points;
  }
}

/**
 * `time`, or the next millisecond after `last` if `time` is not later. A publisher's clock may be ahead of the server's,
 * and updates may share a millisecond.
 */
export function timeAfter(last: number | undefined, time: number): number {
  return last === undefined || time > last ? time : last + 1;
}
