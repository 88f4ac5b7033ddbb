import type { Selection } from "../../protocol/selection.ts";

/** Counts the work of a step, in characters read or written. */
export interface WorkMeter {
  work: number;
}

/** What other things cost, in the same unit. */
export const COST = {
  /** Looking at one key. */
  key: 16,
  /** Finding a prefix among all keys. */
  prefix: 400,
  /** Handing a message to a connection, whatever its length. */
  message: 6_000,
  /** Copying one character of it there. */
  copied: 1 / 8,
  /** Taking up a piece of work, or a group. */
  begin: 500,
  /** Looking for keys in a piece of the log. */
  look: 128 * 1024,
  /** Asking a job that waits whether it can go on. */
  check: 100,
} as const;

/** What it costs to look up a selection. */
export function lookupCost({ keys, prefixes }: Selection): number {
  return keys.size * COST.key + prefixes.length * COST.prefix;
}

/** What one look into the log costs, whatever is found. To find fields, the values are read too. */
export function lookOf({ fields }: Selection): number {
  return fields ? 4 * COST.look : COST.look;
}
