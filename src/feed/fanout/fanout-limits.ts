/** How much of a feed's time and memory the fan-out may take. */
export type FanoutLimits = Readonly<Record<keyof typeof FANOUT_LIMITS, number>>;

export const FANOUT_LIMITS = {
  /** Characters of one message of a snapshot that is sent in parts. */
  partLength: 256 * 1024,
  /** Work of one step, some 5 ms: between two steps the feed serves others. Counted as in work.ts. */
  stepWork: 1024 * 1024,
  /** Bytes of backlog above which a subscriber is sent nothing more. */
  backlogHigh: 256 * 1024,
  /** Bytes of backlog of all subscribers together. The last quarter is for those that keep up. */
  backlogTotal: 32 * 1024 * 1024,
  /** Bytes that frozen lists take and keep alive. One list is always allowed, however long it is. */
  frozenBytes: 16 * 1024 * 1024,
  /** Frozen lists in use that were made for one account. */
  frozenPerAccount: 4,
  /** Bytes that HTTP readers have collected from the log. One reader may always go on. */
  logBytes: 4 * 1024 * 1024,
  /** Bytes that wait in memory for all groups. Above it, the groups with the most read from the entries or the log instead. */
  pendingBytes: 4 * 1024 * 1024,
  /** Additions of an update to a group in one delivery; to look for fields counts too. Above it, all groups read from the entries or the log instead. */
  additions: 20_000,
  /** Characters of patches composed in one delivery. Groups that would need more read from the entries or the log instead. */
  composedLength: 256 * 1024,
  /** Keys and prefixes that all subscribers of a feed select, some 240 bytes of memory each. A long one counts as several. */
  patterns: 50_000,
  patternsPerAccount: 10_000,
  /** `subscribe` messages of one subscriber that wait for their answer. */
  resubscribes: 64,
};
