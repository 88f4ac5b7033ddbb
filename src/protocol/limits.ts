// The publisher SDK has these limits too. They are constants so that its bundle takes them, and not the table.
/** (contract) Updates in one batch. */
export const BATCH_UPDATES = 1_000;
/** (contract) One publish body, after inflating. */
export const BATCH_BYTES = 1024 * 1024;
/** (contract) Milliseconds for which a publish with an idempotency key is remembered. */
export const IDEMPOTENCY_WINDOW = 10 * 60 * 1000;

/**
 * The limits of what clients send and ask for, each with its reason. Sizes are bytes of UTF-8 unless a name says otherwise.
 * The contract fixes those marked (contract). The others are this server's choice.
 */
export const LIMITS = {
  /** (contract) Characters of a feed's name. */
  feedNameLength: 64,
  /** (contract) Characters of a key. */
  keyLength: 128,
  /** (contract) One value as JSON. */
  valueBytes: 64 * 1024,
  /** Levels of nesting in a value: far more than real data has, few enough that recursion is safe. */
  valueDepth: 32,
  batchUpdates: BATCH_UPDATES,
  batchBytes: BATCH_BYTES,
  /**
   * One batch as the server writes it. Only numbers can grow when they are written again (`1e20` becomes 21 digits), and a
   * stored row may have 2 MB: this leaves room for the rest of the row.
   */
  encodedBatchBytes: 1_250_000,
  /**
   * Members of one object and items of one array, wherever they are. A member takes at least five bytes of JSON and an item
   * two: a value of `valueBytes` has fewer of both, and nothing else on the wire has so many.
   */
  objectMembers: 16 * 1024,
  arrayItems: 32 * 1024,
  /** One WebSocket message from a client: what fits into a body fits into a message, with an id and a key around it. */
  frameBytes: BATCH_BYTES + 1024,
  /** Milliseconds that a publish body may take to arrive: on a slower line no publish arrives in time anyway. */
  bodyTime: 30_000,
  /** One WebSocket message that publishes nothing: several times the longest selection. */
  messageBytes: 64 * 1024,
  /** Bad messages in a row after which a socket is closed with 4400. */
  badMessages: 20,
  /** Issues named in one error: enough to see the pattern, few enough to keep the answer small. */
  reportedIssues: 50,
  /** (contract) Characters of an idempotency key. */
  idempotencyKeyLength: 128,
  idempotencyWindow: IDEMPOTENCY_WINDOW,
  /** Longest `ttl`, in seconds: ten years. */
  ttlMax: 10 * 365 * 86_400,
  /** Keys and prefixes in one selection. Bounds the work of an update and the size of what a socket must keep. */
  selectionKeys: 1_000,
  /** (contract) Fields in one selection, and characters of the name of one. */
  selectionFields: 64,
  fieldLength: 128,
  /** One selection as UTF-8, with its fields. The state of a socket must fit into 16 KiB to survive hibernation. */
  selectionBytes: 12 * 1024,
  /** (contract) Messages a second that a subscriber may ask for. */
  hzMin: 0.1,
  hzMax: 60,
  /** (contract) Seconds that a reader may wait for a change. */
  waitMax: 30,
  /** (contract) Updates in one page of history. */
  historyPage: 1_000,
  /** Updates in a page of history if the request has no `limit`. */
  historyDefault: 100,
  /** Feeds in one page of the list: each is asked, and a request may ask at most 1,000 objects. */
  listedFeeds: 500,
} as const;

/** What the server keeps and sends. Clients meet these limits as snapshots, pages and closes, and need not know them. */
export const SERVER_LIMITS = {
  /**
   * Values that one batch has checked by a feed's schema, in characters: libraries take some 13 ms for a million, and a batch is
   * checked in one piece.
   */
  checkedValues: 3_000_000,
  /** Tombstones of a feed: with them, a returning client is told of each deletion. */
  tombstones: 10_000,
  /** One catch-up message, in characters. A client that missed more gets a snapshot, which can come in parts. */
  catchUpLength: 1024 * 1024,
  /** One catch-up of `mode=all`, over all its messages, in characters: a longer one costs more than a snapshot. */
  replayLength: 4 * 1024 * 1024,
  /** Characters that are sent before others are served. */
  sliceLength: 4 * 1024 * 1024,
  /** Bytes of backlog below which a lagging subscriber gets its catch-up. */
  backlogLow: 64 * 1024,
  /** Bytes of backlog with which a client that still asks for more is closed with 4503. */
  backlogMax: 8 * 1024 * 1024,
  /** Milliseconds between two looks at the lagging subscribers. */
  lagReview: 250,
  /** Milliseconds for which a backlog may stay as it is before its connection is closed with 4503. */
  stuckTime: 30_000,
  /** Bytes that a client which sends `ack` may leave unacknowledged before it counts as lagging. */
  unackedHigh: 1024 * 1024,
  /** Bytes of encoded catch-ups that are kept for others who want the same; the same again of parts of snapshots. */
  encodedCacheBytes: 2 * 1024 * 1024,
  /** Updates that wait in memory for one group of `mode=all`. Above it, the group reads them from the log again. */
  pendingUpdates: 10_000,
  /** One page of history, in characters of its updates: a page of long updates ends sooner. */
  historyPageLength: 2 * 1024 * 1024,
  /**
   * Publishes remembered at a time, some twelve bytes each. One credential may have as many as it leaves to others: all that
   * a publisher can send in ten minutes at the highest rate.
   */
  rememberedPublishes: 1_400_000,
  /**
   * Bytes of publisher sessions: 1,700 that go on. One credential may have as many as it leaves to others.
   */
  sessionBytes: 4 * 1024 * 1024,
} as const;

/** How much one feed may hold. A deployment may set its own. */
export interface FeedLimits {
  /** Live keys. */
  readonly keys: number;
  /** All keys and values together, in bytes of memory: one a character if the text is ASCII, else two. */
  readonly length: number;
  /** Updates that `history` and `mode=all` can still read, in characters of JSON. */
  readonly history: number;
}

export const FEED_LIMITS: FeedLimits = { keys: 100_000, length: 16 * 1024 * 1024, history: 32 * 1024 * 1024 };
