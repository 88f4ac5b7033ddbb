import type { JsonObject } from "../../protocol/json.ts";
import { fieldAt } from "./columns.ts";
import { numberOf } from "./format.ts";
import type { Moment } from "./key-history.ts";

/** A number and when it began to be that (milliseconds since 1970). */
export interface Point {
  readonly time: number;
  readonly value: number;
}

/** Points that are kept; the oldest go first. */
const MAX_POINTS = 20_000;

/**
 * One key's values over time: its history, and what came since. Times go strictly up, as charts need it: a publisher's
 * clock may run ahead of the server's, and updates may share a millisecond.
 */
export class Series {
  #moments: Moment[] = [];

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  /** Puts older moments in front. Those that are there already, by their seq, are left out. */
  prepend(older: readonly Moment[]): void {
    const first = this.#moments[0]?.seq ?? Number.POSITIVE_INFINITY;
    this.#moments = [...older.filter(({ seq }) => seq < first), ...this.#moments].slice(-MAX_POINTS);
  }

  /**
   * Takes the newest page of history, and keeps what is older. `known`: how many moments there were when it was asked
   * for. The page has all of those; what came live since then is kept where it is newer. (By the seq alone it can't be
   * told: a live one has that of its message, which may be higher than the update's own.)
   */
  load(page: readonly Moment[], known: number): void {
    const [first, last] = [page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0];
    const older = this.#moments.filter(({ seq }) => seq < first);
    const newer = this.#moments.slice(known).filter(({ seq }) => seq > last);
    this.#moments = [...older, ...page, ...newer];
  }

  add(seq: number, time: number, value: JsonObject | undefined): void {
    this.#moments.push({ seq, time, value });
    // In steps: cutting the front of a long array costs as much as the array is long.
    if (this.#moments.length > MAX_POINTS * 1.1) this.#moments = this.#moments.slice(-MAX_POINTS);
  }

  /** The points of one field, one for each change of it. */
  points(path: readonly string[]): Point[] {
    const points: Point[] = [];
    let last: number | undefined;
    for (const moment of this.#moments) {
      const value = moment.value === undefined ? undefined : numberOf(fieldAt(moment.value, path));
      if (value === undefined || value === last) continue;
      points.push({ time: timeAfter(points.at(-1)?.time, moment.time), value });
      last = value;
    }
    return points;
  }
}

/** `time`, or the next millisecond after `last` where it is not later. */
export function timeAfter(last: number | undefined, time: number): number {
  return last === undefined || time > last ? time : last + 1;
}
