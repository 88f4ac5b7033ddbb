import { LIMITS } from "../../protocol/limits.ts";
import type { Selection } from "../../protocol/selection.ts";

/** What fanning out may take of a feed's time and memory. Work is counted in characters read or written. */
export interface FanoutLimits {
  /** One message of a snapshot that is sent in parts, in characters. */
  readonly partLength: number;
  /** Work of one step: some 5 ms. Between two steps the feed serves others. */
  readonly stepWork: number;
  /** Bytes that a subscriber may have left untaken and be sent more. */
  readonly backlogHigh: number;
  /** Bytes that all subscribers together may have left untaken: the last quarter is for those who keep up. */
  readonly backlogTotal: number;
  /** Bytes that frozen lists may take and keep alive. One of them is always allowed, however long it is. */
  readonly frozenBytes: number;
  /** Frozen lists made for one account that are in use. */
  readonly frozenPerAccount: number;
  /** Bytes that readers over HTTP have gathered of the log; one of them may always go on. */
  readonly gathered: number;
  /** Bytes of what waits in memory for all groups: past it the longest are read again from the entries or the log. */
  readonly pendingBytes: number;
  /** Updates put into groups for one write: past it all are read again. */
  readonly adds: number;
  /** Characters of patches composed for groups for one write: past it, those for which more would be are read again. */
  readonly composed: number;
  /** Keys and prefixes that the subscribers of a feed select, and those of one account: a long one counts as several. */
  readonly patterns: number;
  readonly accountPatterns: number;
  /** `subscribe` messages of one subscriber that wait to be answered. */
  readonly asked: number;
}

export function lengthOf(messages: readonly string[]): number {
  let length = 0;
  for (const message of messages) length += message.length;
  return length;
}

export const FANOUT_LIMITS: FanoutLimits = {
  partLength: LIMITS.snapshotPartLength,
  stepWork: 1024 * 1024,
  backlogHigh: LIMITS.backlogHigh,
  backlogTotal: 32 * 1024 * 1024,
  frozenBytes: 16 * 1024 * 1024,
  frozenPerAccount: 4,
  gathered: 4 * 1024 * 1024,
  pendingBytes: 4 * 1024 * 1024,
  adds: 20_000,
  composed: 256 * 1024,
  // Some 240 bytes of memory each.
  patterns: 50_000,
  accountPatterns: 10_000,
  asked: 64,
};

/** Counts work, in characters. */
export interface Meter {
  work: number;
}

/** What these cost, in the same measure. */
export const COST = {
  /** A key looked at. */
  key: 16,
  /** A prefix looked up among all keys. */
  prefix: 400,
  /** A message handed to a connection, whatever is in it. */
  message: 6_000,
  /** Anything that is looked into at all. */
  look: 500,
  /** Anything that waits and is asked whether it can go on. */
  glance: 100,
} as const;

/** What it costs to look a selection up. */
export function costOf({ keys, prefixes }: Selection): number {
  return keys.size * COST.key + prefixes.length * COST.prefix;
}
