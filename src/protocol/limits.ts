/** (contract) Updates in one batch. The publisher SDK has the same bounds: its bundle takes these constants, and not the table. */
export const BATCH_UPDATES = 1_000;
/** (contract) One publish body, after inflating; also one WebSocket message from a client. */
export const BATCH_BYTES = 1024 * 1024;
/** (contract) Milliseconds for which a publish with an idempotency key is remembered. */
export const IDEMPOTENCY_WINDOW = 10 * 60 * 1000;

/**
 * Every bound of the wire, each with its reason. Sizes are bytes of UTF-8 unless a name says otherwise.
 * The contract fixes those marked (contract); the others are this server's choice and may be lowered or raised.
 */
export const LIMITS = {
  /** (contract) Characters of a feed's name. */
  feedNameLength: 64,
  /** (contract) Characters of a key. */
  keyLength: 128,
  /** (contract) One value as JSON. */
  valueBytes: 64 * 1024,
  batchUpdates: BATCH_UPDATES,
  batchBytes: BATCH_BYTES,
  /**
   * One WebSocket message from a client that publishes nothing: several times the longest selection. What is longer is
   * not worth reading.
   */
  messageBytes: 64 * 1024,
  /** Milliseconds that a publish body may take to arrive: a publisher whose line is that slow publishes nothing in time. */
  bodyTime: 30_000,
  /**
   * One batch as this server writes it. Only numbers can grow when they are written again (`1e20` becomes 21
   * digits), and a stored row may have 2 MB: this leaves room for the rest of the row.
   */
  encodedBatchBytes: 1_250_000,
  /** Levels of nesting in a value: far more than real data has, few enough that recursion over it is safe. */
  valueDepth: 32,
  /**
   * Members of one object and items of one array, wherever they are. A member takes at least five bytes of JSON and an item
   * two: a value of `valueBytes` has fewer of both, and nothing else on the wire has so many.
   */
  objectMembers: 16 * 1024,
  arrayItems: 32 * 1024,
  /** Bad updates named in one error: enough to see the pattern, few enough to keep the answer small. */
  reportedIssues: 50,
  /** (contract) Characters of an idempotency key. */
  idempotencyKeyLength: 128,
  /** Keys and prefixes in one selection. Bounds the work of an update and the size of what a socket must keep. */
  selectionKeys: 1_000,
  /** One selection as UTF-8. A socket's state must fit into 16 KiB to survive hibernation. */
  selectionBytes: 12 * 1024,
  /** Deleted keys remembered, so that a returning client can be told of each deletion. */
  tombstones: 10_000,
  /** One message of a snapshot that is sent in parts, in characters. */
  snapshotPartLength: 256 * 1024,
  /** One catch-up message, in characters: whoever missed more gets a snapshot, which can come in parts. */
  catchUpLength: 1024 * 1024,
  /** Characters that are sent in one go. */
  sliceLength: 4 * 1024 * 1024,
  /** Bytes of backlog above which a subscriber is sent nothing more. */
  backlogHigh: 256 * 1024,
  /** Bytes of backlog below which it gets what it is owed. */
  backlogLow: 64 * 1024,
  /** Bytes of backlog with which a client that still asks for more is closed with 4503. */
  backlogMax: 8 * 1024 * 1024,
  /** Milliseconds between two looks at those who lag. */
  lagReview: 250,
  /** Milliseconds for which a backlog may stay as it is before its connection is closed with 4503. */
  stuckTime: 30_000,
  /** Bytes that a client which sends `ack` may have left unacknowledged before it counts as lagging. */
  unackedHigh: 1024 * 1024,
  /** Encoded catch-ups that are kept for others who want the same, in memory; the same again of parts of snapshots. */
  encodedCacheBytes: 2 * 1024 * 1024,
  /** Updates that wait in memory for one group of `mode=all` subscribers; past it they are read from the log again. */
  pendingUpdates: 10_000,
  /** One catch-up of `mode=all`, over all its messages, in characters: past it a snapshot serves better. */
  replayLength: 4 * 1024 * 1024,
  /** Updates in a page of history for which no `limit` is given. */
  historyDefault: 100,
  /** (contract) Updates in one page of history. */
  historyPage: 1_000,
  /** One page of history, in characters of its updates: it ends sooner where they are long. */
  historyPageLength: 2 * 1024 * 1024,
  idempotencyWindow: IDEMPOTENCY_WINDOW,
  /**
   * Publishes remembered at a time, some twelve bytes each. One credential may have as many as it leaves to others: all
   * that a publisher can send in ten minutes at the highest rate.
   */
  rememberedPublishes: 1_400_000,
  /** Bad messages in a row after which a socket is closed with 4400. */
  badMessages: 20,
  /** (contract) Messages a second that a subscriber may ask for. */
  hzMin: 0.1,
  hzMax: 60,
  /** (contract) Seconds that a reader may wait for a change. */
  waitMax: 30,
  /** Longest `ttl`, in seconds: ten years. */
  ttlMax: 10 * 365 * 86_400,
  /** Feeds in one answer of the list: each is asked, and a request may ask no more than 1,000 objects. */
  listedFeeds: 500,
} as const;

/** How much one feed may hold. A deployment may set its own. */
export interface FeedLimits {
  /** Live keys. */
  readonly keys: number;
  /** All keys and values together, in bytes of memory: one a character where a text is ASCII, else two. */
  readonly length: number;
  /** Updates kept to be read again as history and by `mode=all`, in characters of JSON. */
  readonly history: number;
}

export const FEED_LIMITS: FeedLimits = { keys: 100_000, length: 16 * 1024 * 1024, history: 32 * 1024 * 1024 };
