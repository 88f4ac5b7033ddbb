import { SERVER_LIMITS } from "../../protocol/limits.ts";

/** How much of a feed's time and memory the fan-out may take. */
export interface FanoutLimits {
  /** Characters of one message of a snapshot that is sent in parts. */
  readonly partLength: number;
  /** Work of one step, some 5 ms: between two steps the feed serves others. Counted as in work.ts. */
  readonly stepWork: number;
  /** Bytes of backlog above which a subscriber is sent nothing more. */
  readonly backlogHigh: number;
  /** Bytes of backlog of all subscribers together. The last quarter is for those that keep up. */
  readonly backlogTotal: number;
  /** Bytes that frozen lists take and keep alive. One list is always allowed, however long it is. */
  readonly frozenBytes: number;
  /** Frozen lists in use that were made for one account. */
  readonly frozenPerAccount: number;
  /** Bytes that HTTP readers have collected from the log. One reader may always go on. */
  readonly logBytes: number;
  /** Bytes that wait in memory for all groups. Above it, the groups with the most read from the entries or the log instead. */
  readonly pendingBytes: number;
  /** Additions of an update to a group in one delivery. Above it, all groups read from the entries or the log instead. */
  readonly additions: number;
  /** Characters of patches composed in one delivery. Groups that would need more read from the entries or the log instead. */
  readonly composedLength: number;
  /** Keys and prefixes that all subscribers of a feed select. A long one counts as several. */
  readonly patterns: number;
  readonly patternsPerAccount: number;
  /** `subscribe` messages of one subscriber that wait for their answer. */
  readonly resubscribes: number;
}

export const FANOUT_LIMITS: FanoutLimits = {
  partLength: SERVER_LIMITS.snapshotPartLength,
  stepWork: 1024 * 1024,
  backlogHigh: SERVER_LIMITS.backlogHigh,
  backlogTotal: 32 * 1024 * 1024,
  frozenBytes: 16 * 1024 * 1024,
  frozenPerAccount: 4,
  logBytes: 4 * 1024 * 1024,
  pendingBytes: 4 * 1024 * 1024,
  additions: 20_000,
  composedLength: 256 * 1024,
  // Some 240 bytes of memory each.
  patterns: 50_000,
  patternsPerAccount: 10_000,
  resubscribes: 64,
};
